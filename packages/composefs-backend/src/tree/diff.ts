import { escapePath, escapeXattr } from '../format/dump/escape.js'
import { isDirectory, type ByteString, type FileTree, type Inode } from './inode.js'
import { describeInode, differences } from './diff-inode.js'

/**
 * Differences of two trees, one line each, in the order of a depth-first walk in byte order:
 *
 * ```text
 * added   /etc/new: file, mode 0644, owner 0:0, mtime 1700000000.000000000, size 12
 * removed /etc/old: symlink, …
 * changed /usr/bin/su: mode 0755 -> 4755
 * changed /usr/bin/su: xattr security.capability none -> "\x01\x00…"
 * ```
 *
 * Paths and values are escaped as in dump text. Files with several names are compared at the first one; what
 * changed about the names themselves is said as `hard link`. Not compared: how attributes are ordered, link
 * counts of directories, who owns an inode (`owners`).
 */
export function* diffTrees(a: FileTree, b: FileTree): Generator<string, void, undefined> {
  const links = [firstNames(a), firstNames(b)] as const
  /** Pairs of inodes that were compared under another name. */
  const compared = new Map<Inode, Inode>()
  for (const { path, left, right } of pairs(a.root, b.root)) {
    const shown = escapePath(path)
    if (left === undefined || right === undefined) {
      const inode = (left ?? right)!
      const first = links[left === undefined ? 1 : 0].get(inode)
      const what =
        first === undefined || first === path ? describeInode(inode) : `hard link to ${escapePath(first)}`
      yield `${left === undefined ? 'added  ' : 'removed'} ${shown}: ${what}`
      continue
    }
    const [leftFirst, rightFirst] = [other(links[0], left, path), other(links[1], right, path)]
    if (leftFirst !== rightFirst) yield `changed ${shown}: hard link ${leftFirst} -> ${rightFirst}`
    if (compared.get(left) === right) continue
    if (links[0].has(left)) compared.set(left, right)
    for (const line of differences(left, right)) yield `changed ${shown}: ${line}`
  }
}

/** True when `diffTrees` finds nothing. */
export function treesEqual(a: FileTree, b: FileTree): boolean {
  return diffTrees(a, b).next().done === true
}

function other(links: ReadonlyMap<Inode, ByteString>, inode: Inode, path: ByteString): string {
  const first = links.get(inode)
  return first === undefined || first === path ? 'none' : escapeXattr(first)
}

/** First path of each inode that several names lead to. */
function firstNames(tree: FileTree): ReadonlyMap<Inode, ByteString> {
  const seen = new Map<Inode, ByteString>()
  const several = new Map<Inode, ByteString>()
  for (const { path, left } of pairs(tree.root, undefined)) {
    if (left === undefined || isDirectory(left)) continue
    const first = seen.get(left)
    if (first === undefined) seen.set(left, path)
    else several.set(left, first)
  }
  return several
}

interface Pair {
  readonly path: ByteString
  readonly left: Inode | undefined
  readonly right: Inode | undefined
}

/** Entries of both trees by path, each directory merged in byte order, depth first. */
function* pairs(left: Inode | undefined, right: Inode | undefined): Generator<Pair, void, undefined> {
  const pending: Pair[] = [{ path: '/', left, right }]
  for (let pair = pending.pop(); pair !== undefined; pair = pending.pop()) {
    yield pair
    const prefix = pair.path === '/' ? '' : pair.path
    const names = new Set<ByteString>()
    const below = [pair.left, pair.right].map((inode) => {
      for (const name of inode?.children?.keys() ?? []) names.add(name)
      return inode?.children
    })
    for (const name of [...names].sort().reverse()) {
      pending.push({ path: `${prefix}/${name}`, left: below[0]?.get(name), right: below[1]?.get(name) })
    }
  }
}
