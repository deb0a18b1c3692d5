import { isDirectory } from './inode.js'
import type { ByteString, FileTree, Inode } from './inode.js'

/** Where a path ends: an inode, nothing (`undefined`), or something on the way that is no directory. */
export type Lookup = Inode | undefined | 'not-a-directory'

/**
 * The inode at a path. No link is followed; `..` is a name that nothing has.
 *
 * @param path in bytes, relative to the root, with or without slashes around it
 */
export function lookup(tree: FileTree, path: ByteString): Lookup {
  let found: Inode = tree.root
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (!isDirectory(found)) return 'not-a-directory'
    const next = found.children.get(part)
    if (next === undefined) return undefined
    found = next
  }
  return found
}

/** The inode at a path, when all of it is there. */
export function find(tree: FileTree, path: ByteString): Inode | undefined {
  const found = lookup(tree, path)
  return found === 'not-a-directory' ? undefined : found
}
