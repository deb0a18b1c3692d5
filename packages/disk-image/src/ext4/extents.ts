import { blockBytes } from './directory-room.js'
import { crc32c } from './crc32c.js'

const magic = 0xf30a
const headerBytes = 12
const extentBytes = 12
const maxExtentBlocks = 32768
const inInode = 4
const inBlock = Math.floor((blockBytes - headerBytes - 4) / extentBytes)

export interface Extent {
  /** In blocks of the file. */
  readonly logical: number
  /** On disk. */
  readonly start: number
  readonly count: number
}

/** Which blocks of a file are where. */
export class Extents {
  readonly #list: { logical: number; start: number; count: number }[] = []

  /** In the order of the file; what is left out is a hole. */
  add(logical: number, start: number, count: number): void {
    const last = this.#list.at(-1)
    const follows =
      last !== undefined && last.logical + last.count === logical && last.start + last.count === start
    if (follows && last.count + count <= maxExtentBlocks) last.count += count
    else this.#list.push({ logical, start, count })
  }

  /** Are there so many that further holes are better filled? What is left are those for the ends of groups. */
  get many(): boolean {
    return this.#list.length > (inInode * inBlock) / 2
  }

  get blocks(): number {
    return this.#list.reduce((sum, { count }) => sum + count, 0)
  }

  /** Groups that need a block each, besides the inode; undefined where four such blocks would not do. */
  get leaves(): readonly (readonly Extent[])[] | undefined {
    const list = this.#list
    if (list.length <= inInode) return []
    const leaves = Array.from({ length: Math.ceil(list.length / inBlock) }, (_, i) =>
      list.slice(i * inBlock, (i + 1) * inBlock),
    )
    return leaves.length > inInode ? undefined : leaves
  }

  /**
   * The 60 bytes in the inode.
   *
   * @param leafPlaces where the blocks of `leaves` are
   * @see Linux Documentation/filesystems/ext4/ifork.rst
   */
  root(leafPlaces: readonly number[]): Buffer {
    const out = Buffer.alloc(60)
    const leaves = this.leaves ?? []
    if (leaves.length === 0) {
      writeHeader(out, this.#list.length, inInode, 0)
      this.#list.forEach((extent, i) => writeExtent(out, i, extent))
      return out
    }
    writeHeader(out, leaves.length, inInode, 1)
    leaves.forEach((leaf, i) => {
      const at = headerBytes + i * extentBytes
      out.writeUInt32LE(leaf[0]!.logical, at)
      out.writeUInt32LE(leafPlaces[i]! % 2 ** 32, at + 4)
      out.writeUInt16LE(Math.floor(leafPlaces[i]! / 2 ** 32), at + 8)
    })
    return out
  }
}

/** @param seed checksum of the inode's number and generation */
export function leafBlock(leaf: readonly Extent[], seed: number): Buffer {
  const out = Buffer.alloc(blockBytes)
  writeHeader(out, leaf.length, inBlock, 0)
  leaf.forEach((extent, i) => writeExtent(out, i, extent))
  const end = headerBytes + inBlock * extentBytes
  out.writeUInt32LE(crc32c(seed, out.subarray(0, end)), end)
  return out
}

function writeHeader(out: Buffer, entries: number, max: number, depth: number): void {
  out.writeUInt16LE(magic, 0)
  out.writeUInt16LE(entries, 2)
  out.writeUInt16LE(max, 4)
  out.writeUInt16LE(depth, 6)
}

function writeExtent(out: Buffer, index: number, { logical, start, count }: Extent): void {
  const at = headerBytes + index * extentBytes
  out.writeUInt32LE(logical, at)
  out.writeUInt16LE(count, at + 4)
  out.writeUInt16LE(Math.floor(start / 2 ** 32), at + 6)
  out.writeUInt32LE(start % 2 ** 32, at + 8)
}
