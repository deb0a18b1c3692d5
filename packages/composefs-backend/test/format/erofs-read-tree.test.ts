import { isBootcError, type Bytes, type ReadTree } from '@bootc-sdk/core'
import { readAll } from '@bootc-sdk/core/testing'
import { describe, expect, it } from 'vitest'
import { parseDump } from '../../src/format/dump/parse.js'
import { readErofs } from '../../src/format/erofs/read.js'
import { writeErofs } from '../../src/format/erofs/write.js'
import { erofsReadTree, type OpenObject } from '../../src/tree/erofs-read-tree.js'

const digest = 'ab'.repeat(32)
const lines = [
  '/ 0 40755 3 0 0 0 1.0 - - - user.root=1',
  '/5a 0 20644 1 0 0 0 9.0 - - -',
  '/dev 0 20666 1 0 5 259 1.0 - - -',
  `/ext 9 100755 1 10 20 0 1700000000.500000000 ab/${'ab'.repeat(31)} - ${digest} trusted.overlay.origin=o security.selinux=l\\x00`,
  '/fifo 0 10600 1 0 0 0 1.0 - - -',
  '/gone 0 20000 1 0 0 0 1.0 - - -',
  '/inline 4 100644 2 0 0 0 1.0 - text -',
  '/link 6 120777 1 0 0 0 1.0 target - -',
  '/other 0 @100644 - - - - - /inline - -',
  '/sparse 5 100644 1 0 0 0 1.0 - - -',
  '/sub 0 40755 2 0 0 0 1.0 - - - trusted.overlay.opaque=y',
  '/sub/\\xff\\xc3\\xa9 0 100644 1 0 0 0 1.0 - - -',
  '/whole 0 40755 2 0 0 0 1.0 - - -',
  '/whole/wh 0 20000 1 0 0 0 1.0 - - -',
]

const opened: unknown[] = []
async function* open(...[file, range]: Parameters<OpenObject>): Bytes {
  opened.push({ ...file, range })
  await Promise.resolve()
  yield Buffer.from('an object').subarray(range?.start ?? 0, range?.end)
}

function treeOf(version: 0 | 1 | 2): ReadTree {
  const image = writeErofs(parseDump(Buffer.from(lines.join('\n'))), { version, algorithm: 'sha256' })
  return erofsReadTree(readErofs(image), open)
}

async function fails(code: string, run: () => Promise<unknown>): Promise<void> {
  const error: unknown = await run().then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(isBootcError(error) ? error.code : error).toBe(code)
}

async function names(tree: ReadTree, path: string): Promise<string[]> {
  const out: string[] = []
  for await (const { name, stat } of tree.list(path)) {
    out.push(name)
    expect(await tree.stat(path === '' ? name : `${path}/${name}`)).toEqual(stat)
  }
  return out
}

const bytes = async (read: Bytes) => {
  const parts: Uint8Array[] = []
  for await (const part of read) parts.push(part)
  return Buffer.concat(parts).toString()
}

describe.each([0, 1, 2] as const)('an image of version %i as a tree', (version) => {
  const tree = treeOf(version)

  it('lists what the source had, without what hides objects', async () => {
    expect(await names(tree, '')).toEqual([
      ...['5a', 'dev', 'ext', 'fifo', 'gone', 'inline', 'link', 'other', 'sparse', 'sub', 'whole'],
    ])
    expect(await names(tree, 'sub')).toEqual(['\udcff\u00e9'])
    expect(await tree.stat('00')).toBeUndefined()
    await fails('TREE_NOT_FOUND', () => names(tree, '00'))
  })

  it('says what lstat would', async () => {
    expect(await tree.stat('ext')).toMatchObject({
      ...{ type: 'file', mode: 0o755, uid: 10, gid: 20, sizeBytes: 9, nlink: 1 },
      mtime: version === 2 ? 1_700_000_000 : 1_700_000_000.5,
    })
    expect(await tree.stat('')).toMatchObject({ type: 'directory', mode: 0o755 })
    expect(await tree.stat('dev')).toMatchObject({ type: 'char', mode: 0o666, gid: 5 })
    expect(await tree.stat('fifo')).toMatchObject({ type: 'fifo', mode: 0o600 })
    expect(await tree.stat('link')).toMatchObject({ type: 'symlink', sizeBytes: 6 })
    expect(await tree.readlink('link')).toBe('target')
  })

  it('gives names of one file one inode, and images different devices', async () => {
    const [inline, other, ext] = [await tree.stat('inline'), await tree.stat('other'), await tree.stat('ext')]
    expect(inline).toEqual(other)
    expect(inline!.ino).not.toBe(ext!.ino)
    expect((await treeOf(version).stat('inline'))!.dev).not.toBe(inline!.dev)
  })

  it('shows whiteouts as they were, without the markers that stand for them', async () => {
    expect(await tree.stat('gone')).toMatchObject({ type: 'char', mode: 0 })
    expect(await tree.stat('5a')).toMatchObject({ type: 'char', mode: 0o644 })
    expect(await tree.stat('whole/wh')).toMatchObject({ type: 'char' })
    for (const path of ['gone', 'whole', 'whole/wh']) expect(await tree.xattrs(path)).toEqual([])
    await fails('TREE_NOT_FILE', () => bytes(tree.read('gone')))
  })

  it('hides attributes of the overlay, and gives escaped ones their names', async () => {
    const text = async (path: string) =>
      (await tree.xattrs(path)).map(({ name, value }) => `${name}=${Buffer.from(value).toString()}`)
    expect(await text('')).toEqual(['user.root=1'])
    expect(await text('ext')).toEqual(['security.selinux=l\0', 'trusted.overlay.origin=o'])
    expect(await text('sub')).toEqual(['trusted.overlay.opaque=y'])
    await fails('TREE_NOT_FOUND', () => tree.xattrs('none'))
  })

  it('reads files of the image and objects, whole and in parts', async () => {
    expect(await bytes(tree.read('inline'))).toBe('text')
    expect(await bytes(tree.read('other', { start: 1, end: 3 }))).toBe('ex')
    expect(await bytes(tree.read('inline', { start: 3, end: 99 }))).toBe('t')
    expect(await bytes(tree.read('inline', { start: 9 }))).toBe('')
    opened.length = 0
    expect(await bytes(tree.read('ext'))).toBe('an object')
    expect(await bytes(tree.read('ext', { start: 3 }))).toBe('object')
    expect(await bytes(tree.read('ext', { start: 3, end: 5 }))).toBe('ob')
    expect(await bytes(tree.read('ext', { start: 9 }))).toBe('')
    const file = { digest, payload: `ab/${'ab'.repeat(31)}`, sizeBytes: 9 }
    expect(opened).toEqual([
      { ...file, range: undefined },
      { ...file, range: { start: 3, end: 9 } },
      { ...file, range: { start: 3, end: 5 } },
    ])
  })

  it('gives content that belongs to the reader', async () => {
    for await (const chunk of tree.read('inline')) chunk.fill(0)
    expect(Buffer.from(await readAll(tree, 'inline')).toString()).toBe('text')
  })

  it('refuses what cannot be, as other trees do', async () => {
    for (const path of ['missing', 'missing/below', 'inline/below']) {
      expect(await tree.stat(path)).toBeUndefined()
      await fails('TREE_NOT_FOUND', () => names(tree, path))
      await fails('TREE_NOT_FOUND', () => bytes(tree.read(path)))
      await fails('TREE_NOT_FOUND', () => tree.readlink(path))
    }
    await fails('TREE_NOT_DIRECTORY', () => names(tree, 'inline'))
    for (const path of ['', 'sub', 'link', 'fifo', 'dev'])
      await fails('TREE_NOT_FILE', () => bytes(tree.read(path)))
    for (const path of ['', 'inline']) await fails('TREE_NOT_SYMLINK', () => tree.readlink(path))
    for (const path of ['/etc', '../x', 'sub/../../x', 'a\0b'])
      await fails('TREE_INVALID_PATH', () => tree.stat(path))
    for (const run of [
      () => tree.stat('link/x'),
      () => names(tree, 'link'),
      () => bytes(tree.read('link/x')),
    ]) {
      await fails('TREE_ESCAPE', run)
    }
    await fails('STORE_COMPOSEFS_NO_OBJECT', () => bytes(tree.read('sparse')))
  })
})
