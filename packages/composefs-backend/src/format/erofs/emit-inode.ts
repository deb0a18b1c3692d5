import type { Inode, Int64 } from '../../tree/inode.js'
import {
  METACOPY_HEADER_SIZE,
  COMPACT,
  EXTENDED,
  COMPACT_INODE_SIZE,
  EXTENDED_INODE_SIZE,
  FT_REGULAR,
  FT_SYMLINK,
  XATTR_HEADER_SIZE,
} from './constants.js'
import { algorithmNumber } from '../types.js'
import type { Directory } from './directory.js'
import { writeDirectoryBlock } from './emit-directory.js'
import type { ImagePlan } from './emit.js'
import type { ImageBuffer } from './image-buffer.js'
import { TYPE_BITS } from './inode-list.js'
import {
  areaOf,
  entrySize,
  METACOPY,
  METACOPY_SUFFIX,
  REDIRECT,
  REDIRECT_SUFFIX,
  type XattrArea,
} from './xattr-area.js'
import type { XattrSet } from './xattr-table.js'

export interface InodeContext {
  readonly plan: ImagePlan
  readonly out: ImageBuffer
  /** What offsets in the shared table are added to, to make ids of it. */
  sharedBase: number
}

/** An inode with its attributes and what follows them. */
export function writeInode(
  context: InodeContext,
  ino: number,
  at: number,
  directory: Directory | undefined,
): void {
  const { plan, out } = context
  const { list, placement } = plan
  const inode = list.inodes[ino] as Inode
  const type = list.types[ino] as number
  const format = placement.formats[ino] as number
  const xattrBytes = placement.xattrBytes[ino] as number
  const tailBytes = placement.tailBytes[ino] as number
  const u = placement.us[ino] as number
  const nlink = list.nlinks[ino] as number
  const xattrCount = xattrBytes === 0 ? 0 : (xattrBytes - XATTR_HEADER_SIZE) / 4 + 1
  const mode = (TYPE_BITS[type] as number) | (inode.mode & 0o7777)
  let size: Int64 = 0
  if (directory !== undefined) size = directory.size
  else if (type === FT_REGULAR) size = inode.size
  else if (type === FT_SYMLINK) size = inode.target.length

  if (format & 1) {
    out.u16(format, at + EXTENDED.format)
    out.u16(xattrCount, at + EXTENDED.xattrCount)
    out.u16(mode, at + EXTENDED.mode)
    out.u64(size, at + EXTENDED.size)
    out.u32(u, at + EXTENDED.u)
    out.u32(plan.version === 2 ? (placement.nids[ino] as number) : ino, at + EXTENDED.ino)
    out.u32(inode.uid, at + EXTENDED.uid)
    out.u32(inode.gid, at + EXTENDED.gid)
    out.u64(inode.mtimeSec, at + EXTENDED.mtime)
    out.u32(plan.version === 2 ? 0 : inode.mtimeNsec, at + EXTENDED.mtimeNsec)
    out.u32(nlink, at + EXTENDED.nlink)
    at += EXTENDED_INODE_SIZE
  } else {
    out.u16(format, at + COMPACT.format)
    out.u16(xattrCount, at + COMPACT.xattrCount)
    out.u16(mode, at + COMPACT.mode)
    out.u16(nlink, at + COMPACT.nlink)
    out.u32(size as number, at + COMPACT.size)
    out.u32(u, at + COMPACT.u)
    out.u32(ino, at + COMPACT.ino)
    out.u16(inode.uid, at + COMPACT.uid)
    out.u16(inode.gid, at + COMPACT.gid)
    at += COMPACT_INODE_SIZE
  }
  if (xattrBytes > 0) {
    const area = areaOf(list.sets[ino] as XattrSet, list.kinds[ino] as number, plan.table)
    writeXattrs(context, area, inode, at)
    at += xattrBytes
  }
  if (tailBytes === 0) return
  if (directory !== undefined) writeDirectoryBlock(out, at, directory, directory.blocks, plan)
  else if (type === FT_SYMLINK) out.string(inode.target, at)
  else if (inode.content !== undefined) {
    out.bytes(inode.content.subarray(inode.content.length - tailBytes), at)
  } else out.fill(0xff, at, tailBytes)
}

function writeXattrs(context: InodeContext, area: XattrArea, inode: Inode, at: number): void {
  const { out, sharedBase } = context
  const { references } = context.plan
  out.u32(area.filter, at)
  out.u8(area.shared.length, at + 4)
  at += XATTR_HEADER_SIZE
  for (const entry of area.shared) {
    const pair =
      entry === METACOPY
        ? references.sharedMetacopy(inode)
        : entry === REDIRECT
          ? references.sharedRedirect(inode)
          : entry
    out.u32((sharedBase + pair.sharedOffset) / 4, at)
    at += 4
  }
  for (const entry of area.inline) {
    if (entry === METACOPY) {
      const bytes = references.metacopyValueBytes(inode)
      const value = out.trusted(METACOPY_SUFFIX, bytes, at)
      if (bytes > 0) {
        out.u8(bytes, value + 1)
        out.u8(algorithmNumber[references.algorithm], value + 3)
        out.hex(inode.digest, value + METACOPY_HEADER_SIZE)
      }
      at += entrySize(METACOPY_SUFFIX.length, bytes)
    } else if (entry === REDIRECT) {
      const path = references.redirectOf(inode)
      const value = out.trusted(REDIRECT_SUFFIX, path.length + 1, at)
      out.u8(0x2f, value)
      out.string(path, value + 1)
      at += entrySize(REDIRECT_SUFFIX.length, path.length + 1)
    } else {
      at = out.pair(entry, at)
    }
  }
}
