import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseDump } from '../../src/format/dump/parse.js'
import { printDump } from '../../src/format/dump/print.js'
import { planErofs, writeErofs } from '../../src/format/erofs/write.js'
import { directory, Inode, S_IFCHR, S_IFREG, type FileTree } from '../../src/tree/inode.js'
import { fileTrees, plainDump } from './random-tree.js'

const text = (lines: Iterable<string>): Buffer => Buffer.from([...lines, ''].join('\n'), 'latin1')

describe.each(['c', 'rs'] as const)('random trees of %s', (flavor) => {
  it('print, parse and print the same', () => {
    fc.assert(
      fc.property(fileTrees(flavor), (tree) => {
        // What composefs-info shows lacks attributes and has others more; from then on it is the same.
        const shown = parseDump(text(printDump(tree, { flavor })), { flavor })
        const printed = text(printDump(flavor === 'c' ? shown : tree, { flavor }))
        expect(text(printDump(parseDump(printed, { flavor }), { flavor })).equals(printed)).toBe(true)
      }),
    )
  })

  it('give the same image when they come from a dump', () => {
    fc.assert(
      fc.property(fileTrees(flavor), fc.constantFrom(0, 1), (tree, version) => {
        const options = { version: version as 0 | 1, algorithm: 'sha256', flavor } as const
        const parsed = parseDump(Buffer.from(plainDump(tree, flavor === 'c'), 'latin1'), { flavor })
        expect(parsed.root.children?.size).toBe(tree.root.children?.size)
        expect(Buffer.compare(writeErofs(parsed, options), writeErofs(tree, options))).toBe(0)
      }),
    )
  })

  it('give the same bytes in pieces, and stay as they are', () => {
    fc.assert(
      fc.property(
        fileTrees(flavor),
        fc.constantFrom(0, 1, ...(flavor === 'rs' ? [2] : [])),
        (tree, version) => {
          freeze(tree)
          const before = plainDump(tree)
          const options = { version: version as 0 | 1 | 2, algorithm: 'sha256', flavor } as const
          const plan = planErofs(tree, options)
          const whole = writeErofs(tree, options)
          expect(Buffer.concat([...plan.chunks()]).equals(whole)).toBe(true)
          expect(Buffer.concat([...plan.chunks()]).equals(whole)).toBe(true)
          expect(plan).toMatchObject({ sizeBytes: whole.length, version })
          expect(plainDump(tree)).toBe(before)
        },
      ),
    )
  })
})

describe('a large tree', () => {
  it('is written in pieces of bounded size', () => {
    const root = directory()
    for (let i = 0; i < 60_000; i++) {
      const file = new Inode(S_IFREG | 0o644)
      file.size = 100
      file.digest = i.toString(16).padStart(64, '0')
      file.payload = `${file.digest.slice(0, 2)}/${file.digest.slice(2)}`
      root.children?.set(`file-${i}`, file)
    }
    const plan = planErofs({ root }, { version: 1, algorithm: 'sha256' })
    const sizes = Array.from(plan.chunks(), (chunk) => chunk.length)
    expect(sizes.length).toBeGreaterThan(10)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1 << 20)
    expect(sizes.reduce((a, b) => a + b)).toBe(plan.sizeBytes)
  })
})

describe('trees that no image can hold', () => {
  const file = (change: (inode: Inode) => void): FileTree => {
    const root = directory()
    const inode = new Inode(S_IFREG | 0o644)
    change(inode)
    root.children?.set('f', inode)
    return { root }
  }
  const named = (name: string): FileTree => {
    const root = directory()
    root.children?.set(name, new Inode(S_IFREG | 0o644))
    return { root }
  }
  const loop = directory()
  loop.children?.set('self', loop)
  const whiteout = new Inode(S_IFCHR)
  const linkedWhiteout = directory()
  linkedWhiteout.children?.set('a', whiteout).set('b', whiteout)
  const many = new Map(Array.from({ length: 10 }, (_, i) => [`user.${i}`, 'v'.repeat(60_000)]))

  it.each<[string, FileTree]>([
    ['a root that is a file', { root: new Inode(S_IFREG) }],
    ['a directory in itself', { root: loop }],
    ['a file type that is none', file((inode) => (inode.mode = 0o644))],
    ['the name ..', named('..')],
    ['a name with a slash', named('a/b')],
    ['a name of 256 bytes', named('n'.repeat(256))],
    ['a name that is not bytes', named('\u20ac')],
    ['a user id below 0', file((inode) => (inode.uid = -1))],
    ['a user id of 33 bits', file((inode) => (inode.uid = 2 ** 32))],
    ['a fraction of a second', file((inode) => (inode.mtimeSec = 1.5))],
    ['a second of nanoseconds', file((inode) => (inode.mtimeNsec = 1e9))],
    ['a time of 65 bits', file((inode) => (inode.mtimeSec = 2n ** 63n))],
    ['a size below 0', file((inode) => (inode.size = -1))],
    ['more bytes than chunks can refer to', file((inode) => (inode.size = 2n ** 53n + 1n))],
    ['a digest of another algorithm', file((inode) => ((inode.size = 1), (inode.digest = 'ab'.repeat(64))))],
    ['a digest that is none', file((inode) => ((inode.size = 1), (inode.digest = 'zz'.repeat(32))))],
    ['content of another size', file((inode) => (inode.content = Buffer.from('x')))],
    ['a value of 64 KiB', file((inode) => (inode.xattrs = new Map([['user.a', 'v'.repeat(65536)]])))],
    ['attributes of 600 KB', file((inode) => (inode.xattrs = many))],
    ['an attribute without name', file((inode) => (inode.xattrs = new Map([['', 'v']])))],
  ])('%s', (_, tree) => {
    expect(() => writeErofs(tree, { version: 1, algorithm: 'sha256' })).toThrow(
      expect.objectContaining({ code: 'STORE_COMPOSEFS_INVALID' }),
    )
  })

  it.each([0, 1, 2] as const)('a whiteout with two names, version %d of composefs-rs', (version) => {
    expect(() =>
      writeErofs({ root: linkedWhiteout }, { version, algorithm: 'sha256', flavor: 'rs' }),
    ).toThrow(expect.objectContaining({ code: 'STORE_COMPOSEFS_INVALID' }))
  })
})

function freeze(tree: FileTree): void {
  const inodes = new Set([tree.root])
  for (const inode of inodes) {
    Object.freeze(inode)
    for (const child of inode.children?.values() ?? []) inodes.add(child)
  }
}
