import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkErofs } from '../../src/format/erofs/check.js'
import { infoLs } from '../../src/format/erofs/read-info.js'
import { readErofs } from '../../src/format/erofs/read.js'
import { writeErofs } from '../../src/format/erofs/write.js'
import { diffTrees } from '../../src/tree/diff.js'
import type { FileTree, Inode } from '../../src/tree/inode.js'
import { fileTrees } from './random-tree.js'

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 60)

function everyInode(inode: Inode, visit: (inode: Inode) => void): void {
  visit(inode)
  for (const child of inode.children?.values() ?? []) everyInode(child, visit)
}

/** Without the attribute that makes an empty file and a whiteout the same. */
function unambiguous(tree: FileTree): FileTree {
  everyInode(tree.root, (inode) => {
    if (inode.xattrs?.has('trusted.overlay.whiteout') !== true) return
    const xattrs = new Map(inode.xattrs)
    xattrs.delete('trusted.overlay.whiteout')
    inode.xattrs = xattrs.size === 0 ? undefined : xattrs
  })
  return tree
}

/** What the image does not keep. */
function isLost(line: string, flavor: 'c' | 'rs', version: 0 | 1 | 2): boolean {
  // Parents of whiteouts get an opaque of their own, which is taken away with them.
  if (version === 1 && / xattr (trusted|user)\.overlay\.opaque .* -> none$/.test(line)) return true
  if (flavor === 'c') return false
  if (/: nlink \d+ -> \d+$/.test(line)) return true
  if (version === 2) return /: mtime (-?\d+)\.\d+ -> \1\.000000000$/.test(line)
  return /^removed \/[0-9a-f]{2}: char device/.test(line)
}

describe.each([
  ['c', 0],
  ['c', 1],
  ['rs', 0],
  ['rs', 1],
  ['rs', 2],
] as const)('what was written for %s in version %i', (flavor, version) => {
  const write = (tree: FileTree) => {
    const only = version === 2 ? 2 : flavor === 'c' ? { min: version, max: version } : version
    return writeErofs(tree, { version: only, algorithm: 'sha256', flavor })
  }

  it('is read as it was', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(fileTrees(flavor).map(unambiguous), (tree) => {
        const lines = [...diffTrees(tree, readErofs(write(tree)).tree())]
        expect(lines.filter((line) => !isLost(line, flavor, version))).toEqual([])
      }),
      { numRuns },
    )
  })

  it('is sound, and written again from what was read', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(fileTrees(flavor).map(unambiguous), ({ root }) => {
        const bytes = write({ root })
        const image = readErofs(bytes)
        checkErofs(image, { nlink: flavor === 'rs' })
        expect(Buffer.compare(write(image.tree()), bytes)).toBe(0)
        expect([...infoLs(image)].length).toBeLessThanOrEqual([...image.walk()].length)
      }),
      { numRuns },
    )
  })
})
