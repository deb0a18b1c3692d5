import { Inode, isDirectory } from './inode.js'
import type { ByteString, FileTree, Xattrs } from './inode.js'
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
    return to
  }
  const root = copy(tree.root)
  // No recursion: trees that were read from elsewhere may be deep.
  const pending: [from: Inode, to: Inode][] = [[tree.root, root]]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [directory, target] = next
    const children = (target.children = new Map<ByteString, Inode>())
    if (isEmptied(directory)) continue
    for (const [name, from] of directory.children!) {
      let to: Inode | undefined
      if (isDirectory(from)) {
        to = copy(from)
        pending.push([from, to])
      } else if ((to = files.get(from)) === undefined) {
        to = copy(from)
        copyContent(from, to)
        files.set(from, to)
      }
      children.set(name, to)
    }
  }
  return { root }
}

function copyContent(from: Inode, to: Inode): void {
  to.rdev = from.rdev
  to.size = from.size
  to.target = from.target
  to.content = from.content
  to.digest = from.digest
  to.payload = from.payload
}

/** A second inode for a file, which has one name so far. */
export function cloneFile(from: Inode): Inode {
  return Object.assign(new Inode(from.mode), from)
}
