import { S_IFMT, type Inode, type Int64 } from '../../tree/inode.js'
import { invalidTree } from '../errors.js'
import {
  FT_BLOCK,
  FT_CHARACTER,
  FT_DIRECTORY,
  FT_FIFO,
  FT_REGULAR,
  FT_SOCKET,
  FT_SYMLINK,
} from './constants.js'
import type { Directory } from './directory.js'
import type { XattrSet } from './xattr-table.js'

/** Inodes of an image in their order, and what goes with each. */
export class InodeList {
  readonly inodes: Inode[] = []
  readonly sets: XattrSet[] = []
  readonly nlinks: number[] = []
  /** FT_*: type in directory entries; an escaped whiteout has that of a regular file. */
  readonly types: number[] = []
  /** How they refer to objects, see references. */
  readonly kinds: number[] = []
  /** In the order of their inodes. */
  readonly directories: Directory[] = []

  get length(): number {
    return this.inodes.length
  }

  /** @returns index of the inode */
  add(inode: Inode, set: XattrSet, nlink: number): number {
    const type = typeOf(inode.mode)
    if (type === 0) throw invalidTree('inode', `mode ${inode.mode.toString(8)} has no file type`)
    checkNumbers(inode)
    this.types.push(type)
    this.kinds.push(0)
    this.sets.push(set)
    this.nlinks.push(nlink)
    return this.inodes.push(inode) - 1
  }
}

const TYPES: readonly number[] = [
  ...[0, FT_FIFO, FT_CHARACTER, 0, FT_DIRECTORY, 0, FT_BLOCK, 0],
  ...[FT_REGULAR, 0, FT_SYMLINK, 0, FT_SOCKET, 0, 0, 0],
]

/** FT_* of a mode; 0 when there is none. */
export function typeOf(mode: number): number {
  return TYPES[(mode & S_IFMT) >>> 12] as number
}

/** Type bits of a mode by FT_*. */
export const TYPE_BITS: readonly number[] = Array.from({ length: 8 }, (_, type) =>
  type === 0 ? 0 : TYPES.indexOf(type) << 12,
)

function checkNumbers(inode: Inode): void {
  const { uid, gid, rdev, nlink, mtimeNsec, mtimeSec, size, content } = inode
  if (uid >>> 0 !== uid || gid >>> 0 !== gid || rdev >>> 0 !== rdev || nlink >>> 0 !== nlink) {
    throw invalidTree('inode', 'owner, group, links or device number is not a number of 32 bits')
  }
  if (mtimeNsec >>> 0 !== mtimeNsec || mtimeNsec >= 1e9) {
    throw invalidTree('inode', `${mtimeNsec} nanoseconds are no part of a second`)
  }
  if (!isInteger(mtimeSec, 63)) throw invalidTree('inode', 'time is not a whole number of 64 bits')
  if (!isInteger(size, 64) || size < 0) throw invalidTree('inode', 'size is not a whole number of 64 bits')
  if (content !== undefined && content.length !== size) {
    throw invalidTree('inode', `content has ${content.length} bytes, size is ${size}`)
  }
}

/** Is it whole, and does its absolute value fit? */
function isInteger(value: Int64, bits: 63 | 64): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value)
  return value >= -(2n ** 63n) && value < 2n ** BigInt(bits)
}
