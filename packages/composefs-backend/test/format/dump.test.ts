import { describe, expect, it } from 'vitest'
import { parseDump, parseDumpStream } from '../../src/format/dump/parse.js'
import { printDump } from '../../src/format/dump/print.js'
import { directory, Inode, S_IFREG } from '../../src/tree/inode.js'

const ROOT = '/ 0 40755 2 0 0 0 1.0 - - -\n'
const parse = (text: string, flavor?: 'c' | 'rs') =>
  parseDump(Buffer.from(text, 'latin1'), flavor === undefined ? {} : { flavor })
const file = (path: string) => `${path} 1 100644 1 0 0 0 1.0 - x -\n`

describe('reading a dump', () => {
  it('takes every field', () => {
    const digest = 'ab'.repeat(32)
    const payload = `ab/${'ab'.repeat(31)}`
    const { root } = parse(
      `${ROOT}/f 70000 104755 2 3 4 0 -5.6 ${payload} - ${digest.toUpperCase()} user.a=b security.x=\\x00\\x3d\n` +
        '/d 0 20644 1 0 0 259 18446744073709551615.7 - - -\n/l 0 120777 1 0 0 0 9007199254740993.0 \\x2d - -\n',
    )
    expect(root.children?.get('f')).toMatchObject({
      mode: 0o104755,
      size: 70000,
      nlink: 2,
      uid: 3,
      gid: 4,
      mtimeSec: -5,
      mtimeNsec: 6,
      payload,
      digest,
      xattrs: new Map([
        ['user.a', 'b'],
        ['security.x', '\0='],
      ]),
    })
    expect(root.children?.get('d')).toMatchObject({ rdev: 259, mtimeSec: -1, mtimeNsec: 7, size: 0 })
    expect(root.children?.get('l')).toMatchObject({ target: '-', size: 0, mtimeSec: 9007199254740993n })
  })

  it('keeps names as bytes', () => {
    const { root } = parse(`${ROOT}${file('/caf\\xc3\\xa9\\x20\\\\')}`)
    expect([...(root.children?.keys() ?? [])]).toEqual(['caf\xc3\xa9 \\'])
  })

  it('shares a map among files with equal attributes', () => {
    const { root } = parse(
      `${ROOT}/a 0 100644 1 0 0 0 1.0 - - - user.a=b\n/b 0 100644 1 0 0 0 1.0 - - - user.a=b\n`,
    )
    expect(root.children?.get('a')?.xattrs).toBe(root.children?.get('b')?.xattrs)
  })

  it('names the line and the reason', () => {
    expect(() => parse(`${ROOT}${file('/a')}${file('/b/c')}`)).toThrow(
      expect.objectContaining({
        code: 'STORE_COMPOSEFS_BAD_DUMP',
        details: { line: 3, reason: 'its directory is not there yet' },
      }),
    )
  })

  it('does not keep the text', () => {
    const text = Buffer.from(ROOT + file('/a'))
    const { root } = parseDump(text)
    text.fill(0)
    expect(Buffer.from(root.children?.get('a')?.content ?? []).toString()).toBe('x')
  })
})

describe('hard links', () => {
  const link = (path: string, target: string) => `${path} 0 @100644 - - - - 0.0 ${target} - -\n`

  it('lead to the same inode, and the line that is none owns it', () => {
    const { root, owners } = parse(`${ROOT}${file('/z')}${link('/a', '/z')}`)
    const inode = root.children?.get('z') as Inode
    expect(root.children?.get('a')).toBe(inode)
    expect(owners?.get(inode)).toEqual({ parent: root, name: 'z' })
  })

  it('may stand before their target and lead to links', () => {
    const { root, owners } = parse(`${ROOT}${link('/a', '/b')}${link('/b', '/z')}${file('/z')}`)
    const inode = root.children?.get('z') as Inode
    expect([root.children?.get('a'), root.children?.get('b')]).toEqual([inode, inode])
    expect(owners?.get(inode)?.name).toBe('z')
    expect([...(root.children?.keys() ?? [])]).toEqual(['a', 'b', 'z'])
  })

  it('may not stand before their target in the dumps of composefs-rs', () => {
    expect(() => parse(`${ROOT}${link('/a', '/z')}${file('/z')}`, 'rs')).toThrow(/not there yet/)
  })

  it.each([
    ['a circle', link('/a', '/b') + link('/b', '/a')],
    ['themselves', link('/a', '/a')],
    ['nothing', link('/a', '/b')],
    ['a directory', link('/a', '/')],
    ['what is below a file', file('/f') + link('/a', '/f/g')],
  ])('to %s are refused', (_, lines) => {
    expect(() => parse(ROOT + lines)).toThrow(expect.objectContaining({ code: 'STORE_COMPOSEFS_BAD_DUMP' }))
  })

  it('in a chain of many are quick', () => {
    const count = 50_000
    const lines = Array.from({ length: count }, (_, i) => link(`/${i}`, `/${i + 1}`))
    const { root } = parse(ROOT + lines.join('') + file(`/${count}`))
    expect(root.children?.get('0')).toBe(root.children?.get(String(count)))
  })
})

describe('reading a stream', () => {
  async function* pieces(text: string, size: number): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < text.length; i += size) yield Buffer.from(text.slice(i, i + size), 'latin1')
  }
  const text = `${ROOT}/d 0 40755 2 0 0 0 1.0 - - -\n${file('/d/a')}${file('/d/b')}`

  it.each([1, 2, 7, 1000])('in pieces of %d bytes gives the same', async (size) => {
    const lines = [...printDump(await parseDumpStream(pieces(text, size)), { flavor: 'rs' })]
    expect(lines).toEqual([...printDump(parse(text), { flavor: 'rs' })])
  })

  it('takes a last line without end', async () => {
    const tree = await parseDumpStream(pieces(text.slice(0, -1), 5))
    expect(tree.root.children?.get('d')?.children?.size).toBe(2)
  })

  it('refuses a line without end before it fills the memory', async () => {
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 1000; i++) yield Buffer.alloc(1 << 20, 'a')
      throw new Error('it went on reading')
    }
    await expect(parseDumpStream(endless())).rejects.toMatchObject({
      code: 'STORE_COMPOSEFS_BAD_DUMP',
      details: { line: 1 },
    })
  })

  it('stops when aborted', async () => {
    const reason = new Error('enough')
    await expect(parseDumpStream(pieces(text, 5), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

describe('printing', () => {
  it('escapes what is not graphic, and a dash that is a value', () => {
    const root = directory()
    const inode = new Inode(S_IFREG | 0o644)
    inode.content = Buffer.from('-')
    inode.size = 1
    inode.xattrs = new Map([['user.=', '-']])
    root.children?.set('a\n\t\r\\ \x7f\xff=', inode)
    expect([...printDump({ root }, { flavor: 'rs' })][1]).toBe(
      '/a\\n\\t\\r\\\\\\x20\\x7f\\xff= 1 100644 1 0 0 0 0.0 - \\x2d - user.\\x3d=-',
    )
  })

  it('does not loop in a tree that does', () => {
    const root = directory()
    root.children?.set('self', root)
    for (const flavor of ['c', 'rs'] as const) {
      expect(() => [...printDump({ root }, { flavor })]).toThrow(
        expect.objectContaining({ code: 'STORE_COMPOSEFS_INVALID' }),
      )
    }
  })
})
