import { describe, expect, test } from 'vitest'
import { packTar, tarHeader } from '@bootc-sdk/core/tar'
import { verityDigest } from '../../src/format/verity.js'
import { LayerApplier } from '../../src/tree/layer-applier.js'
import { describeTree } from './describe-tree.js'
import { at, dir, failure, file, layered, names, textOf } from './layers.js'

const badLayer = 'STORE_COMPOSEFS_BAD_LAYER'

describe('members of a layer', () => {
  test.each([
    [
      'attributes',
      (name: string) => file(name, '', { xattrs: [{ name: 'user.a', value: Buffer.alloc(250) }] }),
    ],
    ['targets', (name: string) => file(name, '', { type: 'symlink', linkName: 'x'.repeat(250) })],
    ['names', (name: string) => file(name.repeat(125))],
  ])('hold no more %s than memory bears, in all layers together', async (_what, member) => {
    const layers = [[member('aa')], [member('bb')]]
    expect((await failure(layered(layers, { maxTextBytes: 600 }))).code).toBe('none')
    const { code, reason } = await failure(layered([...layers, [member('cc')]], { maxTextBytes: 600 }))
    expect(code).toBe(badLayer)
    expect(reason).toBe('makes more than 600 bytes of names, targets and attributes')
  })

  test('mode, owner, time and extended attributes come from the member', async () => {
    const tree = await layered([
      [
        dir('etc', { mode: 0o750, uid: 3, gid: 4, mtime: 1700000000 }),
        file('etc/f', 'text', {
          mode: 0o4711,
          uid: 70000,
          xattrs: [{ name: 'user.a', value: Buffer.from([0, 255]) }],
        }),
      ],
    ])
    expect(describeTree(tree)).toMatchObject({
      '/etc': { mode: '40750', owner: '3:4', mtime: '1700000000.0', nlink: 2 },
      '/etc/f': {
        mode: '104711',
        owner: '70000:0',
        content: 'text',
        size: 4,
        nlink: 1,
        xattrs: [['user.a', '\0\xff']],
      },
    })
  })

  test.each([
    ['1700000000.5', '1700000000.500000000'],
    ['1700000000.123456789', '1700000000.123456789'],
    ['1700000000.1234567899', '1700000000.123456789'],
    ['1700000000.000000001', '1700000000.1'],
    ['1700000000.', '1700000000.0'],
    ['12', '12.0'],
    ['-1.25', '-2.750000000'],
    ['-0.5', '-1.500000000'],
  ])('a time of %s is %s', async (mtime, expected) => {
    const tree = await layered([[file('f', '', { pax: { mtime } })]])
    expect(describeTree(tree)['/f']).toMatchObject({ mtime: expected })
  })

  test('files of up to 64 bytes lie in the tree, larger ones have a digest', async () => {
    const tree = await layered([[file('a', 'x'.repeat(64)), file('b', 'x'.repeat(65)), file('c')]])
    expect(textOf(at(tree, 'a'))).toBe('x'.repeat(64))
    const id = verityDigest(Buffer.from('x'.repeat(65)), 'sha256')
    expect(at(tree, 'b')).toMatchObject({
      size: 65,
      content: undefined,
      digest: id,
      payload: `${id.slice(0, 2)}/${id.slice(2)}`,
    })
    expect(at(tree, 'c')).toMatchObject({ size: 0, content: undefined, digest: '' })
  })

  test('links, devices and pipes', async () => {
    const tree = await layered([
      [
        { name: 'l', type: 'symlink', linkName: '../\udcff' },
        { name: 'c', type: 'char', devMajor: 4, devMinor: 0x12345 },
        { name: 'b', type: 'block', devMajor: 0xfff, devMinor: 0xfffff },
        { name: 'p', type: 'fifo' },
      ],
    ])
    expect(describeTree(tree)).toMatchObject({
      '/l': { mode: '120777', target: '../\xff', size: 4 },
      '/c': { mode: '20644', rdev: 0x12300445 },
      '/b': { mode: '60644', rdev: 0xffffffff },
      '/p': { mode: '10644' },
    })
  })

  test('a regular file whose name ends with a slash is a file', async () => {
    const header = tarHeader({ name: 'f/', type: 'file' }, 0)
    expect(at(await layered([Buffer.concat([header, Buffer.alloc(1024)])]), 'f').mode).toBe(0o100644)
  })

  test('names are bytes', async () => {
    expect(names(await layered([[file('\udc80'), file('é')]]), '')).toEqual(['\x80', '\xc3\xa9'])
  })

  test('a global header changes nothing', async () => {
    const records = '13 mtime=1234\n'
    const global = withType(tarHeader({ name: 'pax_global_header' }, records.length), 'g')
    const padding = Buffer.alloc(512 - records.length)
    const tree = await layered([
      Buffer.concat([global, Buffer.from(records), padding, packTar([file('f', '', { mtime: 7 })])]),
    ])
    expect(names(tree, '')).toEqual(['f'])
    expect(at(tree, 'f').mtimeSec).toBe(7)
  })

  test('a type that no file has is refused', async () => {
    const layer = Buffer.concat([withType(tarHeader({ name: 'f' }, 0), 'Z'), Buffer.alloc(1024)])
    const result = await failure(layered([layer]))
    expect(result).toEqual({ code: badLayer, reason: 'is of a type ("Z") that no file has' })
  })
})

/** The header with another type flag and the checksum that goes with it. */
function withType(header: Buffer, type: string): Buffer {
  header.write(type, 156)
  header.fill(0x20, 148, 156)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}

describe('paths', () => {
  test.each(['usr/bin/x', '/usr/bin/x', './usr/bin/x', 'usr/./bin//x', 'usr/bin/x/.'])(
    '%s is the same file',
    async (name) => {
      const tree = await layered([[dir('usr'), dir('usr/bin'), file(name, 'x')]])
      expect(textOf(at(tree, 'usr/bin/x'))).toBe('x')
    },
  )

  test.each(['', '/', './', '.'])('%j is the root, whose attributes it sets', async (name) => {
    const entry =
      name === '' ? [dir('a'), dir('./', { mode: 0o700 })] : [dir('a'), dir(name, { mode: 0o700 })]
    const tree = await layered([entry])
    expect(tree.root.mode).toBe(0o40700)
    expect(names(tree, '')).toEqual(['a'])
  })

  test.each([
    ['../x', 'leads out through ".."'],
    ['usr/../x', 'leads out through ".."'],
    ['usr/..', 'leads out through ".."'],
    ['no/x', 'is in "no", which is not there'],
    ['link/x', 'is in "link", which is not a directory'],
    ['file/x', 'is in "file", which is not a directory'],
    ['n'.repeat(256), 'has a name that is too long'],
  ])('%s is refused', async (name, reason) => {
    const layer = [dir('usr'), file('file'), { name: 'link', type: 'symlink', linkName: 'usr' } as const]
    expect(await failure(layered([[...layer, file(name)]]))).toEqual({ code: badLayer, reason })
  })

  test('a root that is a file is refused', async () => {
    expect(await failure(layered([[file('/')]]))).toMatchObject({ code: badLayer })
  })
})

describe('layers over each other', () => {
  const base = [dir('d', { mode: 0o700, mtime: 5 }), file('d/a', 'a'), dir('d/sub'), file('d/sub/b', 'b')]

  test('a directory over a directory changes its attributes alone', async () => {
    const tree = await layered([base, [dir('d', { mode: 0o755, mtime: 9 })]])
    expect(at(tree, 'd')).toMatchObject({ mode: 0o40755, mtimeSec: 9 })
    expect(names(tree, 'd')).toEqual(['a', 'sub'])
  })

  test('anything else replaces', async () => {
    const tree = await layered([base, [file('d/sub', 'now a file'), dir('d/a')]])
    expect(textOf(at(tree, 'd/sub'))).toBe('now a file')
    expect(at(tree, 'd/a').children!.size).toBe(0)
  })

  test('a path below what replaced a directory is refused', async () => {
    const layer = [file('d/sub/c', 'c'), file('d/sub', 'now a file'), file('d/sub/d', 'd')]
    expect(await failure(layered([base, layer]))).toMatchObject({ code: badLayer })
  })

  test('whiteouts remove, whatever they are and whether or not there is something', async () => {
    const tree = await layered([
      base,
      [
        file('d/.wh.a', 'a whiteout with content that nobody wants, and a lot of it: more than 64'),
        dir('d/.wh.sub'),
        file('.wh.none'),
        file('d/.wh.'),
      ],
    ])
    expect(names(tree, '')).toEqual(['d'])
    expect(names(tree, 'd')).toEqual([])
  })

  test('an opaque directory loses all it held, entries of the same layer too', async () => {
    const tree = await layered([base, [file('d/early'), file('d/.wh..wh..opq'), file('d/late')]])
    expect(names(tree, 'd')).toEqual(['late'])
  })

  test('what was removed and comes again is new', async () => {
    const tree = await layered([base, [file('d/sub/x'), file('d/.wh.sub'), dir('d/sub'), file('d/sub/new')]])
    expect(names(tree, 'd/sub')).toEqual(['new'])
  })

  test('a hard link shares the file, also with one of a lower layer, whose changes it does not see', async () => {
    const link = { name: 'd/link', type: 'hardlink', linkName: '/d/a' } as const
    const tree = await layered([base, [link, file('d/a', 'other')]])
    expect(textOf(at(tree, 'd/link'))).toBe('a')
    expect(textOf(at(tree, 'd/a'))).toBe('other')
    expect(at(tree, 'd/link').nlink).toBe(1)
    const both = await layered([base, [link]])
    expect(at(both, 'd/link')).toBe(at(both, 'd/a'))
    expect(at(both, 'd/a').nlink).toBe(2)
  })

  test.each([
    ['d/none', 'which is not there'],
    ['d/sub', 'which is a directory'],
    ['/', 'which is a directory'],
  ])('a hard link to %s is refused', async (linkName, reason) => {
    const result = await failure(layered([base, [{ name: 'x', type: 'hardlink', linkName }]]))
    expect(result).toEqual({
      code: badLayer,
      reason: `is a hard link to ${JSON.stringify(linkName)}, ${reason}`,
    })
  })

  test('links are counted: names of a file, subdirectories of a directory', async () => {
    const tree = await layered([base, [dir('d/two')]])
    expect([tree.root.nlink, at(tree, 'd').nlink, at(tree, 'd/sub').nlink]).toEqual([3, 4, 2])
  })
})

describe('layers that are made to do harm', () => {
  test('more entries than allowed', async () => {
    const many = Array.from({ length: 11 }, (_, index) => file(`f${index}`))
    expect(await failure(layered([many.slice(0, 6), many.slice(6)], { maxEntries: 10 }))).toMatchObject({
      code: badLayer,
    })
    expect(names(await layered([many.slice(0, 10)], { maxEntries: 10 }), '').length).toBe(10)
  })

  test('paths that are too deep, names that are too long for memory, archives that end early', async () => {
    const deep = Array.from({ length: 300 }, (_, index) => dir('d/'.repeat(index + 1)))
    expect(await failure(layered([deep]))).toMatchObject({ code: 'IMAGE_TAR_LIMIT' })
    expect(await failure(layered([[file('n'.repeat(5000))]]))).toMatchObject({ code: 'IMAGE_TAR_LIMIT' })
    const cut = packTar([file('f', 'x'.repeat(600))]).subarray(0, 700)
    expect(await failure(layered([cut]))).toMatchObject({ code: 'IMAGE_TAR_CORRUPT' })
  })

  test.each([
    [{ name: 'l', type: 'symlink', linkName: '' } as const, 'is a symbolic link to nothing'],
    [{ name: 'c', type: 'char', devMajor: 4096 } as const, 'is a device with numbers out of range (4096, 0)'],
  ])('%o is refused', async (member, reason) => {
    expect(await failure(layered([[member]]))).toEqual({ code: badLayer, reason })
  })

  test('content in an object where the file is small, and in the stream where it is large', () => {
    const layer = new LayerApplier().layer('sha256:1')
    layer.push(tarHeader({ name: 'small' }, 64))
    expect(() => layer.object('00')).toThrow(expect.objectContaining({ code: badLayer }))
    const other = new LayerApplier().layer('sha256:1')
    other.push(tarHeader({ name: 'large' }, 65))
    expect(() => other.push(Buffer.alloc(65))).toThrow(expect.objectContaining({ code: badLayer }))
    expect(() => new LayerApplier().layer('sha256:1').object('00')).toThrow(
      expect.objectContaining({ code: badLayer }),
    )
  })
})
