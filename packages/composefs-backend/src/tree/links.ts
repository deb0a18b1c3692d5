import { isDirectory } from './inode.js'
import type { Inode } from './inode.js'

/** Set `nlink` everywhere: names that lead to a file, two and the number of subdirectories for a directory. */
export function countLinks(root: Inode): void {
  root.nlink = 2
  // Reset before counting: what is there may come from a source that lies.
  visit(root, (child) => (child.nlink = 0))
  visit(root, (child, parent) => {
    if (!isDirectory(child)) {
      child.nlink++
      return
    }
    child.nlink = 2
    parent.nlink++
  })
}

/** Every name below a directory once, parents before what they hold. */
export function visit(directory: Inode, see: (child: Inode, parent: Inode) => void): void {
  const pending = [directory]
  for (let parent = pending.pop(); parent !== undefined; parent = pending.pop()) {
    for (const child of parent.children!.values()) {
      see(child, parent)
      if (isDirectory(child)) pending.push(child)
    }
  }
}

/** Mode, owner, mtime and extended attributes. */
export function copyAttributes(from: Inode, to: Inode): void {
  to.mode = from.mode
  to.uid = from.uid
  to.gid = from.gid
  to.mtimeSec = from.mtimeSec
  to.mtimeNsec = from.mtimeNsec
  to.xattrs = from.xattrs
}
