import type { ByteString, FileTree, Inode } from '../../tree/inode.js'
import { invalidTree } from '../errors.js'
import type { Directory } from './directory.js'

/** An inode with several names. */
export interface HardLinked {
  names: number
  /** The name that decides its place among the inodes. */
  owner: { readonly directory: Directory; readonly name: ByteString }
  /** Index in the image, once it has one; -1 before. */
  ino: number
}

/**
 * Inodes with several names. The owner is the name that the tree says, else the first in a depth-first walk
 * in byte order.
 */
export class HardLinkFinder {
  private readonly seen = new Set<Inode>()
  private readonly repeated = new Set<Inode>()

  /**
   * Call once for each name of a directory.
   *
   * @throws BootcError `STORE_COMPOSEFS_INVALID` when it has another name, as in a loop
   */
  addDirectory(inode: Inode, name: ByteString): void {
    if (this.seen.has(inode)) throw invalidTree(name, 'a directory has two names')
    this.seen.add(inode)
  }

  /** Call once for each name of anything else. */
  add(inode: Inode): void {
    const before = this.seen.size
    this.seen.add(inode)
    if (this.seen.size === before) this.repeated.add(inode)
  }

  /** @param directories all of them, in any order */
  find(directories: readonly Directory[], owners: FileTree['owners']): Map<Inode, HardLinked> {
    const found = new Map<Inode, HardLinked>()
    if (this.repeated.size === 0) return found
    for (const directory of directories) {
      for (let i = 0; i < directory.entries.length; i++) {
        const inode = directory.entries[i] as Inode
        if (!this.repeated.has(inode)) continue
        const name = directory.names[i] as ByteString
        const known = found.get(inode)
        if (known === undefined) {
          found.set(inode, { names: 1, owner: { directory, name }, ino: -1 })
          continue
        }
        known.names++
        const owner = owners?.get(inode)
        const better = owner
          ? owner.parent === directory.inode && owner.name === name
          : isBefore(directory, name, known.owner.directory, known.owner.name)
        if (better) known.owner = { directory, name }
      }
    }
    return found
  }
}

/** Does a depth-first walk in byte order come to the first name before it comes to the second? */
function isBefore(a: Directory, nameA: ByteString, b: Directory, nameB: ByteString): boolean {
  if (a === b) return nameA < nameB
  const left = components(a, nameA)
  const right = components(b, nameB)
  for (let i = 0; ; i++) {
    const one = left[i]
    const other = right[i]
    if (one === undefined || other === undefined) return one === undefined
    if (one !== other) return one < other
  }
}

function components(directory: Directory, name: ByteString): ByteString[] {
  const names = [name]
  for (let at = directory; at.parent !== undefined; at = at.parent) names.push(at.name)
  return names.reverse()
}
