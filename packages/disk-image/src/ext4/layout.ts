import { toolFailed } from '../tools/run-tool.js'
import { crc32c, crc32cOfNumber } from './crc32c.js'
import { blockBytes } from './directory-room.js'

export const inodeBytes = 256
/** Inodes that mke2fs has used: those reserved, and lost+found. */
export const firstInode = 12
const descriptorBytes = 64
const magic = 0xef53

/** What the file system must have, and nothing else that changes where things are. */
const incompat = { filetype: 0x2, extents: 0x40, bits64: 0x80, flexGroups: 0x200 }
const metadataChecksums = 0x400
const otherChecksumsOrClusters = 0x10 | 0x200

const groupFlags = { inodesUnset: 1, blocksUnset: 2 }

/** A new, empty ext4 as mke2fs left it: the superblock and the descriptors of its groups, which are changed in place. */
export class Ext4Layout {
  readonly blocks: number
  readonly blocksPerGroup: number
  readonly inodes: number
  readonly inodesPerGroup: number
  readonly groups: number
  /** Of all checksums but that of the superblock. */
  readonly checksumSeed: number
  readonly #superblock: Buffer
  readonly #descriptors: Buffer
  readonly #reservedBlocks: number

  /**
   * @param head the first block, in which the superblock is
   * @param readBlocks reads blocks that follow each other
   * @see Linux Documentation/filesystems/ext4
   * @throws BootcError `HOST_TOOL_FAILED` for anything that this mke2fs was not asked to make
   */
  constructor(head: Buffer, readBlocks: (block: number, count: number) => Buffer) {
    const sb = Buffer.from(head.subarray(1024, 2048))
    this.#superblock = sb
    if (sb.readUInt16LE(0x38) !== magic) throw unforeseen('no superblock')
    this.blocks = sb.readUInt32LE(0x4) + sb.readUInt32LE(0x150) * 2 ** 32
    this.blocksPerGroup = sb.readUInt32LE(0x20)
    this.inodes = sb.readUInt32LE(0x0)
    this.inodesPerGroup = sb.readUInt32LE(0x28)
    this.#reservedBlocks = sb.readUInt16LE(0xce)
    const wanted = Object.values(incompat).reduce((all, flag) => all | flag)
    const roCompat = sb.readUInt32LE(0x64)
    if (
      sb.readUInt32LE(0x60) !== wanted ||
      (roCompat & metadataChecksums) === 0 ||
      (roCompat & otherChecksumsOrClusters) !== 0 ||
      sb.readUInt32LE(0x18) !== 2 ||
      sb.readUInt32LE(0x14) !== 0 ||
      sb.readUInt16LE(0x58) !== inodeBytes ||
      sb.readUInt16LE(0xfe) !== descriptorBytes ||
      this.blocksPerGroup !== blockBytes * 8 ||
      this.inodesPerGroup % 16 !== 0
    ) {
      throw unforeseen('other features')
    }
    this.groups = Math.ceil(this.blocks / this.blocksPerGroup)
    this.checksumSeed = crc32c(0xffffffff, sb.subarray(0x68, 0x78))
    this.#descriptors = readBlocks(1, this.#descriptorBlocks)
    for (let group = 0; group < this.groups; group++) {
      const used = this.inodesPerGroup - this.#get(group, 0x0e, 0x2e)
      if (used !== (group === 0 ? firstInode - 1 : 0)) throw unforeseen('inodes in use')
    }
  }

  blockBitmapAt(group: number): number {
    return this.#place(group, 0x0, 0x20)
  }

  inodeBitmapAt(group: number): number {
    return this.#place(group, 0x4, 0x24)
  }

  inodeTableAt(group: number): number {
    return this.#place(group, 0x8, 0x28)
  }

  /** Whether the map of blocks is on disk; else what is in use follows from the layout. */
  hasBlockBitmap(group: number): boolean {
    return (this.#flags(group) & groupFlags.blocksUnset) === 0
  }

  /** The map of a group that has none, by where tables and copies of the superblock are. */
  initialBitmap(group: number): Buffer {
    const bitmap = Buffer.alloc(blockBytes)
    const start = group * this.blocksPerGroup
    const mark = (block: number, count: number) => {
      for (
        let i = Math.max(block - start, 0);
        i < Math.min(block + count - start, this.blocksPerGroup);
        i++
      ) {
        bitmap[i >> 3]! |= 1 << (i & 7)
      }
    }
    if (hasSuperblock(group)) mark(start, 1 + this.#descriptorBlocks + this.#reservedBlocks)
    const tableBlocks = (this.inodesPerGroup * inodeBytes) / blockBytes
    for (let other = 0; other < this.groups; other++) {
      mark(this.blockBitmapAt(other), 1)
      mark(this.inodeBitmapAt(other), 1)
      mark(this.inodeTableAt(other), tableBlocks)
    }
    // What would be behind the end of the disk is in use.
    mark(this.blocks, start + this.blocksPerGroup - this.blocks)
    return bitmap
  }

  noteBlocks(group: number, bitmap: Buffer, taken: number): void {
    this.#setFlags(group, this.#flags(group) & ~groupFlags.blocksUnset)
    this.#set(group, 0x0c, 0x2c, this.#get(group, 0x0c, 0x2c) - taken)
    const checksum = crc32c(this.checksumSeed, bitmap)
    this.#set(group, 0x18, 0x38, checksum)
    const sb = this.#superblock
    const free = sb.readUInt32LE(0xc) + sb.readUInt32LE(0x158) * 2 ** 32 - taken
    sb.writeUInt32LE(free % 2 ** 32, 0xc)
    sb.writeUInt32LE(Math.floor(free / 2 ** 32), 0x158)
  }

  /** @param used inodes of the group, which are its first ones; @param directories those added */
  noteInodes(group: number, bitmap: Buffer, used: number, directories: number): void {
    const unused = this.inodesPerGroup - used
    const before = this.#get(group, 0x0e, 0x2e)
    this.#setFlags(group, this.#flags(group) & ~groupFlags.inodesUnset)
    this.#set(group, 0x0e, 0x2e, unused)
    this.#set(group, 0x1c, 0x32, unused)
    this.#set(group, 0x10, 0x30, this.#get(group, 0x10, 0x30) + directories)
    this.#set(group, 0x1a, 0x3a, crc32c(this.checksumSeed, bitmap.subarray(0, this.inodesPerGroup / 8)))
    const sb = this.#superblock
    sb.writeUInt32LE(sb.readUInt32LE(0x10) - (before - unused), 0x10)
  }

  /** Superblock and descriptors with all their copies, the first one last. Byte offsets. */
  *heads(): Iterable<{ readonly atBytes: number; readonly bytes: Buffer }> {
    for (let group = 0; group < this.groups; group++) {
      const descriptor = this.#descriptors.subarray(group * descriptorBytes, (group + 1) * descriptorBytes)
      descriptor.writeUInt16LE(0, 0x1e)
      const checksum = crc32c(crc32cOfNumber(this.checksumSeed, group), descriptor)
      descriptor.writeUInt16LE(checksum & 0xffff, 0x1e)
    }
    for (let group = this.groups - 1; group >= 0; group--) {
      if (!hasSuperblock(group)) continue
      const start = group * this.blocksPerGroup * blockBytes
      yield { atBytes: start + blockBytes, bytes: this.#descriptors }
      const copy = Buffer.from(this.#superblock)
      copy.writeUInt16LE(group, 0x5a)
      copy.writeUInt32LE(crc32c(0xffffffff, copy.subarray(0, 0x3fc)), 0x3fc)
      yield { atBytes: group === 0 ? 1024 : start, bytes: copy }
    }
  }

  get #descriptorBlocks(): number {
    return Math.ceil((this.groups * descriptorBytes) / blockBytes)
  }

  #place(group: number, low: number, high: number): number {
    const at = group * descriptorBytes
    return this.#descriptors.readUInt32LE(at + low) + this.#descriptors.readUInt32LE(at + high) * 2 ** 32
  }

  /** Fields of which both halves have 16 bits. */
  #get(group: number, low: number, high: number): number {
    const at = group * descriptorBytes
    return this.#descriptors.readUInt16LE(at + low) + this.#descriptors.readUInt16LE(at + high) * 2 ** 16
  }

  #set(group: number, low: number, high: number, value: number): void {
    const at = group * descriptorBytes
    this.#descriptors.writeUInt16LE(value & 0xffff, at + low)
    this.#descriptors.writeUInt16LE(value >>> 16, at + high)
  }

  #flags(group: number): number {
    return this.#descriptors.readUInt16LE(group * descriptorBytes + 0x12)
  }

  #setFlags(group: number, flags: number): void {
    this.#descriptors.writeUInt16LE(flags, group * descriptorBytes + 0x12)
  }
}

/** Groups 0, 1 and powers of 3, 5 and 7, as `sparse_super` has it. */
function hasSuperblock(group: number): boolean {
  if (group <= 1) return true
  return [3, 5, 7].some((base) => {
    let power = base
    while (power < group) power *= base
    return power === group
  })
}

function unforeseen(what: string): Error {
  return toolFailed('mke2fs', 0, `made a file system that cannot be filled: ${what}`)
}
