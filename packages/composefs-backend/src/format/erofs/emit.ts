import type { Inode } from '../../tree/inode.js'
import type { ErofsVersion } from '../types.js'
import {
  BLOCK_BITS,
  BLOCK_SIZE,
  COMPAT_MTIME,
  COMPAT_XATTR_FILTER,
  FIRST_INODE_OFFSET,
  FT_DIRECTORY,
  FT_REGULAR,
  HEADER,
  HEADER_FLAG_ACL,
  HEADER_MAGIC,
  HEADER_VERSION,
  LAYOUT_CHUNKED,
  SLOT_SIZE,
  SUPERBLOCK,
  SUPERBLOCK_MAGIC,
  SUPERBLOCK_OFFSET,
} from './constants.js'
import type { Directory } from './directory.js'
import { writeInode, type InodeContext } from './emit-inode.js'
import { writeDirectoryBlock } from './emit-directory.js'
import { ImageBuffer } from './image-buffer.js'
import type { InodeList } from './inode-list.js'
import type { Mtime, Placement } from './place.js'
import type { References } from './references.js'
import type { XattrPair, XattrTable } from './xattr-table.js'

/** Everything that is known of an image before its first byte is written. */
export interface ImagePlan {
  readonly version: ErofsVersion
  readonly list: InodeList
  readonly table: XattrTable
  readonly references: References
  readonly placement: Placement
  /** The shared table, in its order. */
  readonly shared: readonly XattrPair[]
  /** Earliest time, which compact inodes have and the superblock says. */
  readonly base: Mtime
}

/**
 * Bytes of an image from its beginning, in chunks of about the given size; they are written once and in order.
 */
export function* emit(plan: ImagePlan, chunkBytes: number): Generator<Uint8Array> {
  const { list, placement } = plan
  const out = new ImageBuffer(chunkBytes, placement.endBlock * BLOCK_SIZE)
  out.reserve(FIRST_INODE_OFFSET)
  writeHead(out, plan)
  yield* emitInodes(out, plan)
  const tableBytes = plan.shared.reduce((bytes, pair) => bytes + pair.size, 0)
  if (!out.fits(placement.inodesEnd, tableBytes)) yield* out.flush(placement.inodesEnd)
  out.reserve(tableBytes)
  for (const pair of plan.shared) out.pair(pair, placement.inodesEnd + pair.sharedOffset)
  let nextDirectory = 0
  for (let ino = 0; ino < list.length; ino++) {
    const directory = list.types[ino] === FT_DIRECTORY ? list.directories[nextDirectory++] : undefined
    const blocks = placement.blocks[ino] as number
    for (let i = 0; i < blocks; i++) {
      const at = ((placement.firstBlock[ino] as number) + i) * BLOCK_SIZE
      if (!out.fits(at, BLOCK_SIZE)) yield* out.flush(at)
      out.reserve(BLOCK_SIZE)
      writeBlock(out, at, i, plan, ino, directory)
    }
  }
  yield* out.flush(placement.endBlock * BLOCK_SIZE)
}

function* emitInodes(out: ImageBuffer, plan: ImagePlan): Generator<Uint8Array> {
  const { list, placement } = plan
  const context: InodeContext = { plan, out, sharedBase: 0 }
  context.sharedBase = plan.version === 2 ? placement.inodesEnd : placement.inodesEnd % BLOCK_SIZE
  let nextDirectory = 0
  for (let ino = 0; ino < list.length; ino++) {
    const at = (placement.nids[ino] as number) * SLOT_SIZE
    const bytes = 64 + (placement.xattrBytes[ino] as number) + (placement.tailBytes[ino] as number)
    if (!out.fits(at, bytes)) {
      yield* out.flush(at)
      out.reserve(bytes)
    }
    const directory = list.types[ino] === FT_DIRECTORY ? list.directories[nextDirectory++] : undefined
    writeInode(context, ino, at, directory)
  }
}

function writeBlock(
  out: ImageBuffer,
  at: number,
  index: number,
  plan: ImagePlan,
  ino: number,
  directory: Directory | undefined,
): void {
  const inode = plan.list.inodes[ino] as Inode
  if (directory !== undefined) writeDirectoryBlock(out, at, directory, index, plan)
  else if (inode.content !== undefined) {
    out.bytes(inode.content.subarray(index * BLOCK_SIZE, (index + 1) * BLOCK_SIZE), at)
  } else if (plan.list.types[ino] === FT_REGULAR) {
    out.fill(0xff, at, BLOCK_SIZE)
  } else {
    out.string(inode.target, at)
  }
}

function writeHead(out: ImageBuffer, plan: ImagePlan): void {
  const { list, placement, version, base } = plan
  out.u32(HEADER_MAGIC, HEADER.magic)
  out.u32(HEADER_VERSION, HEADER.version)
  out.u32(version !== 2 && plan.table.hasAcl ? HEADER_FLAG_ACL : 0, HEADER.flags)
  out.u32(version, HEADER.composefsVersion)
  const at = SUPERBLOCK_OFFSET
  out.u32(SUPERBLOCK_MAGIC, at + SUPERBLOCK.magic)
  out.u32(COMPAT_MTIME | COMPAT_XATTR_FILTER, at + SUPERBLOCK.featureCompat)
  out.u8(BLOCK_BITS, at + SUPERBLOCK.blockBits)
  out.u16(placement.nids[0] as number, at + SUPERBLOCK.rootNid)
  out.u64(list.length, at + SUPERBLOCK.inodes)
  out.u32(placement.endBlock, at + SUPERBLOCK.blocks)
  if (version === 2) return
  out.u64(base.sec, at + SUPERBLOCK.buildTime)
  out.u32(base.nsec, at + SUPERBLOCK.buildTimeNsec)
  out.u32(Math.floor(placement.inodesEnd / BLOCK_SIZE), at + SUPERBLOCK.xattrBlock)
}

/** Numbers the blocks of data behind the shared table. */
export function numberBlocks(placement: Placement, tableBytes: number): void {
  let block = Math.ceil((placement.inodesEnd + tableBytes) / BLOCK_SIZE)
  for (let ino = 0; ino < placement.blocks.length; ino++) {
    const count = placement.blocks[ino] as number
    if (count === 0) continue
    placement.firstBlock[ino] = block
    const us = placement.us[ino] as number
    const chunked = (placement.formats[ino] as number) >> 1 === LAYOUT_CHUNKED
    placement.us[ino] = chunked ? ((block & 0xffff0000) | us) >>> 0 : block
    block += count
  }
  placement.endBlock = block
}
