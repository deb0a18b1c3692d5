import type { FileTree, Inode, Xattrs } from '../tree/inode.js'

/**
 * Do two trees make the same image? Quick to say no; for trees of which one came from the other. An answer of
 * no for trees that differ in nothing but the order of attributes does no harm.
 */
export function isSameTree(a: FileTree, b: FileTree): boolean {
  return isSame(a.root, b.root, new Map())
}

/** @param links what became of files with several names */
function isSame(a: Inode, b: Inode, links: Map<Inode, Inode>): boolean {
  if (a.nlink > 1 && a.children === undefined) {
    const known = links.get(a)
    if (known !== undefined) return known === b
    links.set(a, b)
  }
  if (!isSameInode(a, b)) return false
  if (a.children === undefined || b.children === undefined) return a.children === b.children
  if (a.children.size !== b.children.size) return false
  for (const [name, child] of a.children) {
    const other = b.children.get(name)
    if (other === undefined || !isSame(child, other, links)) return false
  }
  return true
}

function isSameInode(a: Inode, b: Inode): boolean {
  return (
    a.mode === b.mode &&
    a.uid === b.uid &&
    a.gid === b.gid &&
    a.mtimeSec === b.mtimeSec &&
    a.mtimeNsec === b.mtimeNsec &&
    a.nlink === b.nlink &&
    a.rdev === b.rdev &&
    a.size === b.size &&
    a.target === b.target &&
    a.digest === b.digest &&
    a.payload === b.payload &&
    a.content === b.content &&
    isSameSet(a.xattrs, b.xattrs)
  )
}

function isSameSet(a: Xattrs | undefined, b: Xattrs | undefined): boolean {
  if (a === b) return true
  if (a === undefined || b === undefined || a.size !== b.size) return false
  const others = b.entries()
  for (const [name, value] of a) {
    const [otherName, otherValue] = others.next().value!
    if (name !== otherName || value !== otherValue) return false
  }
  return true
}
