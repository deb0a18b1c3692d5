import type { Inode, Int64 } from '../../tree/inode.js'
import { invalidTree } from '../errors.js'
import {
  BLOCK_BITS,
  BLOCK_SIZE,
  COMPACT_INODE_SIZE,
  EXTENDED_INODE_SIZE,
  FIRST_INODE_OFFSET,
  FT_BLOCK,
  FT_CHARACTER,
  FT_DIRECTORY,
  FT_REGULAR,
  FT_SYMLINK,
  LAYOUT_CHUNKED,
  LAYOUT_INLINE,
  LAYOUT_PLAIN,
  MAX_CHUNK_BITS,
  MAX_CHUNKS,
  SLOT_SIZE,
} from './constants.js'
import type { Flavor } from '../dump/limits.js'
import type { Directory } from './directory.js'
import type { InodeList } from './inode-list.js'
import type { References } from './references.js'
import { areaOf } from './xattr-area.js'
import type { XattrSet, XattrTable } from './xattr-table.js'

/** A point in time; the unsigned comparison of composefs-rs puts times before 1970 last. */
export interface Mtime {
  readonly sec: Int64
  readonly nsec: number
}

/** Where everything of an inode goes; arrays by index of the inode. */
export class Placement {
  /** Offset in units of 32 bytes. */
  readonly nids: Uint32Array
  /** i_format: layout and size of the inode. */
  readonly formats: Uint8Array
  readonly xattrBytes: Uint32Array
  readonly tailBytes: Uint32Array
  /** Blocks of data, and number of the first where there are any. */
  readonly blocks: Uint32Array
  readonly firstBlock: Uint32Array
  /** i_u as far as it does not depend on the first block. */
  readonly us: Uint32Array
  /** End of the inodes: where the shared attributes start. */
  inodesEnd = 0
  endBlock = 0

  constructor(count: number) {
    this.nids = new Uint32Array(count)
    this.formats = new Uint8Array(count)
    this.xattrBytes = new Uint32Array(count)
    this.tailBytes = new Uint32Array(count)
    this.blocks = new Uint32Array(count)
    this.firstBlock = new Uint32Array(count)
    this.us = new Uint32Array(count)
  }
}

/** Earliest time of all inodes. */
export function earliest(list: InodeList, flavor: Flavor): Mtime {
  const first = list.inodes[0] as Inode
  let sec = first.mtimeSec
  let nsec = first.mtimeNsec
  for (const inode of list.inodes) {
    const other = inode.mtimeSec
    const unlike = flavor === 'rs' && other < 0 !== sec < 0
    if (unlike ? sec < 0 : other < sec || (sameTime(other, sec) && inode.mtimeNsec < nsec)) {
      sec = other
      nsec = inode.mtimeNsec
    }
  }
  return { sec, nsec }
}

/** Places inodes of composefs_version 0 and 1. */
export function place(list: InodeList, table: XattrTable, references: References, base: Mtime): Placement {
  const placement = new Placement(list.length)
  const { nids, formats, xattrBytes, tailBytes, blocks, us } = placement
  const baseSec = base.sec
  const baseNsec = base.nsec
  let position = FIRST_INODE_OFFSET
  let nextDirectory = 0
  for (let ino = 0; ino < list.length; ino++) {
    const inode = list.inodes[ino] as Inode
    const type = list.types[ino] as number
    const kind = list.kinds[ino] as number
    let size: Int64 = 0
    let tail = 0
    let blockCount = 0
    let layout = LAYOUT_PLAIN
    if (type === FT_DIRECTORY) {
      const directory = list.directories[nextDirectory++] as Directory
      size = directory.size
      tail = directory.tailBytes
      blockCount = directory.blocks
    } else if (type === FT_REGULAR) {
      size = inode.size
      if (inode.content !== undefined) {
        const bytes = inode.content.length
        tail = bytes % BLOCK_SIZE
        blockCount = (bytes - tail) / BLOCK_SIZE
        if (tail > BLOCK_SIZE / 2) {
          blockCount++
          tail = 0
        }
      } else if (kind !== 0) {
        const bits = chunkBits(size)
        us[ino] = bits - BLOCK_BITS
        tail = size > 0 ? 4 * chunkCount(size, bits) : 0
        layout = LAYOUT_CHUNKED
      }
    } else if (type === FT_SYMLINK) {
      size = tail = inode.target.length
    } else if (type === FT_CHARACTER || type === FT_BLOCK) {
      us[ino] = inode.rdev
    }
    const nlink = list.nlinks[ino] as number
    const compact =
      inode.mtimeNsec === baseNsec &&
      sameTime(inode.mtimeSec, baseSec) &&
      nlink <= 0xffff &&
      inode.uid <= 0xffff &&
      inode.gid <= 0xffff &&
      size <= 0xffffffff
    const xattrs = areaOf(list.sets[ino] as XattrSet, kind, table).size(inode, references)
    const header = (compact ? COMPACT_INODE_SIZE : EXTENDED_INODE_SIZE) + xattrs

    position = roundUp(position, SLOT_SIZE)
    if (type === FT_SYMLINK) {
      const end = position + header + tail - 1
      if (Math.floor(position / BLOCK_SIZE) !== Math.floor(end / BLOCK_SIZE)) {
        position = roundUp(position, BLOCK_SIZE)
      }
      if (header + tail >= BLOCK_SIZE) {
        blockCount = 1
        tail = 0
      }
    } else if (tail > 0) {
      const room = BLOCK_SIZE - ((position + header) % BLOCK_SIZE)
      if (room < tail) {
        const step = roundUp(room, SLOT_SIZE)
        if (tail <= BLOCK_SIZE - ((position + header + step) % BLOCK_SIZE)) {
          position += step
        } else {
          blockCount++
          tail = 0
          position = roundUp(position, BLOCK_SIZE)
        }
      }
    }
    if (layout === LAYOUT_PLAIN && tail > 0) layout = LAYOUT_INLINE
    nids[ino] = position / SLOT_SIZE
    formats[ino] = (layout << 1) | (compact ? 0 : 1)
    xattrBytes[ino] = xattrs
    tailBytes[ino] = tail
    blocks[ino] = blockCount
    position += header + tail
  }
  placement.inodesEnd = roundUp(position, SLOT_SIZE)
  return placement
}

/** Logarithm of the chunk size: one chunk holds the file, as far as a chunk can. */
function chunkBits(size: Int64): number {
  if (size <= BLOCK_SIZE) return BLOCK_BITS
  if (typeof size === 'number' && size <= 0x100000000) return Math.max(32 - Math.clz32(size - 1), BLOCK_BITS)
  return Math.min((BigInt(size) - 1n).toString(2).length, MAX_CHUNK_BITS)
}

function chunkCount(size: Int64, bits: number): number {
  if (bits < MAX_CHUNK_BITS) return 1
  const count = (BigInt(size) + (1n << BigInt(bits)) - 1n) >> BigInt(bits)
  if (count > MAX_CHUNKS) throw invalidTree('file', `${size} bytes are more than an image can refer to`)
  return Number(count)
}

/** Equal, whether as number or bigint. */
function sameTime(a: Int64, b: Int64): boolean {
  return a === b || (typeof a !== typeof b && BigInt(a) === BigInt(b))
}

export function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit
}
