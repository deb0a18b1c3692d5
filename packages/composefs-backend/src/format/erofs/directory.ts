import type { ByteString, Inode } from '../../tree/inode.js'
import { BLOCK_SIZE, DIRENT_SIZE } from './constants.js'

/** A directory as it goes into an image: entries in byte order, with `.` and `..`, divided into blocks. */
export class Directory {
  /** Index of the inode in the image. */
  ino = 0
  /** Names of the entries and, at the same index, their inodes; `.` and `..` among them. */
  readonly names: readonly ByteString[]
  readonly entries: readonly Inode[]
  /** Index of each entry's inode in the image. */
  readonly inos: Uint32Array
  /** Index of the first entry of each block; the last may be the tail. */
  readonly starts: number[] = []
  /** Whole blocks, and bytes of the tail that follows the inode. */
  readonly blocks: number
  readonly tailBytes: number
  readonly size: number

  constructor(
    readonly inode: Inode,
    readonly parent: Directory | undefined,
    readonly name: ByteString,
    names: readonly ByteString[],
    entries: readonly Inode[],
  ) {
    this.names = names
    this.entries = entries
    this.inos = new Uint32Array(names.length)
    let used = BLOCK_SIZE + 1
    for (let i = 0; i < names.length; i++) {
      const bytes = DIRENT_SIZE + (names[i] as ByteString).length
      used += bytes
      if (used > BLOCK_SIZE) {
        this.starts.push(i)
        used = bytes
      }
    }
    const tail = used <= BLOCK_SIZE / 2
    this.blocks = this.starts.length - (tail ? 1 : 0)
    this.tailBytes = tail ? used : 0
    this.size = this.blocks * BLOCK_SIZE + this.tailBytes
  }
}
