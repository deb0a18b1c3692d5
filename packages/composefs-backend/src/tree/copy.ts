import { Inode, isDirectory } from './inode.js'
import type { FileTree, Xattrs } from './inode.js'
import { copyAttributes } from './links.js'

/**
 * A tree of new inodes; attribute maps and contents, which nobody changes, are shared. Hard links stay links.
 *
 * @param isEmptied leaves out what a directory holds
 * @param xattrs maps each attribute set
 */
export function copyTree(
  tree: FileTree,
  isEmptied: (directory: Inode) => boolean,
  xattrs: (from: Xattrs | undefined) => Xattrs | undefined = (same) => same,
): FileTree {
  const files = new Map<Inode, Inode>()
  const copy = (from: Inode): Inode => {
    const to = new Inode(from.mode)
    copyAttributes(from, to)
    to.xattrs = xattrs(from.xattrs)
    to.nlink = from.nlink
    if (isDirectory(from)) {
      to.children = new Map()
      if (isEmptied(from)) return to
      for (const [name, child] of from.children) {
        const known = isDirectory(child) ? undefined : files.get(child)
        const made = known ?? copy(child)
        if (known === undefined && !isDirectory(child)) files.set(child, made)
        to.children.set(name, made)
      }
      return to
    }
    to.rdev = from.rdev
    to.size = from.size
    to.target = from.target
    to.content = from.content
    to.digest = from.digest
    to.payload = from.payload
    return to
  }
  return { root: copy(tree.root) }
}

/** A second inode for a file, which has one name so far. */
export function cloneFile(from: Inode): Inode {
  return Object.assign(new Inode(from.mode), from)
}
