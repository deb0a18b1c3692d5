import {
  isDirectory,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  sortedChildren,
  type ByteString,
  type FileTree,
  type Inode,
  type Xattrs,
} from '../../tree/inode.js'
import { invalidTree } from '../errors.js'
import { objectPath } from '../types.js'
import { escapePath } from './escape.js'
import { printLine, sizeOf } from './print-line.js'

/**
 * Lines as cfsctl prints them: links counted, directories of size 0, attributes sorted, hard links with
 * nothing but their target.
 */
export function* printLikeRs(tree: FileTree): Generator<string> {
  const links = countLinks(tree.root)
  const firstPaths = new Map<Inode, string>()
  const line = (inode: Inode, path: string): string => {
    const count = links.get(inode)
    if (count !== undefined) {
      const first = firstPaths.get(inode)
      if (first !== undefined) return `${path} 0 @120000 - - - - 0.0 ${first} - -`
      firstPaths.set(inode, path)
    }
    return printInode(inode, path, isDirectory(inode) ? 2 + subdirectories(inode) : (count ?? 1))
  }

  yield line(tree.root, '/')
  const stack = [{ path: '', entries: sortedChildren(tree.root), at: 0 }]
  for (let frame = stack[0]; frame !== undefined; frame = stack[stack.length - 1]) {
    const entry = frame.entries[frame.at++]
    if (entry === undefined) {
      stack.pop()
      continue
    }
    const [name, inode] = entry
    const path = `${frame.path}/${escapePath(name)}`
    yield line(inode, path)
    if (isDirectory(inode)) stack.push({ path, entries: sortedChildren(inode), at: 0 })
  }
}

function printInode(inode: Inode, path: string, nlink: number): string {
  const type = inode.mode & S_IFMT
  let payload = type === S_IFLNK ? inode.target : ''
  let digest = ''
  if (type === S_IFREG && inode.content === undefined) {
    // An object without known digest is one all the same: its path says which.
    digest = inode.digest === '' ? inode.payload.replace('/', '') : inode.digest
    payload = digest === '' ? '' : objectPath(digest)
  }
  const size = isDirectory(inode) ? 0 : sizeOf(inode)
  return printLine(inode, { path, size, nlink, payload, digest, xattrs: sorted(inode.xattrs) })
}

function sorted(xattrs: Xattrs | undefined): [ByteString, ByteString][] {
  return [...(xattrs ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))
}

function subdirectories(inode: Inode): number {
  let count = 0
  for (const child of inode.children?.values() ?? []) if (isDirectory(child)) count++
  return count
}

/** Names of each inode that has several. */
function countLinks(root: Inode): Map<Inode, number> {
  const seen = new Set<Inode>([root])
  const links = new Map<Inode, number>()
  const directories = [root]
  for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
    for (const [name, inode] of directory.children ?? []) {
      const before = seen.size
      seen.add(inode)
      const again = seen.size === before
      if (isDirectory(inode)) {
        if (again) throw invalidTree(name, 'a directory has two names')
        directories.push(inode)
      } else if (again) {
        links.set(inode, (links.get(inode) ?? 1) + 1)
      }
    }
  }
  return links
}
