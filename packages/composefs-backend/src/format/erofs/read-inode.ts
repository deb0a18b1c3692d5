import { badImage } from '../errors.js'
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK } from '../../tree/inode.js'
import type { ByteString, Int64 } from '../../tree/inode.js'
import {
  BLOCK_BITS,
  BLOCK_SIZE,
  CHUNK_BITS_MASK,
  COMPACT,
  COMPACT_INODE_SIZE,
  EXTENDED,
  EXTENDED_INODE_SIZE,
  FIRST_INODE_OFFSET,
  FT_BLOCK,
  FT_CHARACTER,
  FT_DIRECTORY,
  FT_FIFO,
  FT_REGULAR,
  FT_SOCKET,
  FT_SYMLINK,
  LAYOUT_CHUNKED,
  LAYOUT_INLINE,
  LAYOUT_PLAIN,
  MAX_CHUNKS,
  SLOT_SIZE,
  XATTR_HEADER_SIZE,
} from './constants.js'
import { readInt64, readUint64, type Superblock } from './read-superblock.js'

/** Longest target of a symbolic link: PATH_MAX without the final NUL. */
const maxTargetBytes = 4095

/** One inode as it lies in the image. Everything it claims to own was checked to lie in the image. */
export interface ErofsInode {
  /** Inode number of the image: offset / 32. */
  readonly nid: number
  /** Bytes from the image's start. */
  readonly offset: number
  /** st_mode with the type bits. */
  readonly mode: number
  readonly nlink: number
  readonly uid: number
  readonly gid: number
  /** Bytes of content; for directories, of their entries. */
  readonly size: Int64
  readonly mtimeSec: Int64
  readonly mtimeNsec: number
  /** Block number, device number or chunk format. */
  readonly u: number
  /** 0 in blocks, 2 the last part behind the inode, 4 outside of the image. */
  readonly layout: number
  readonly xattrOffset: number
  /** 0 when there are none, else with the 12-byte header. */
  readonly xattrSize: number
  /** Bytes of whole blocks in the image, then bytes behind the inode and its attributes. */
  readonly blockBytes: number
  readonly tailBytes: number
}

/** Directory entry type by the type bits of the mode; undefined for none of the seven. */
export const typeOfMode: ReadonlyMap<number, number> = new Map([
  [S_IFREG, FT_REGULAR],
  [S_IFDIR, FT_DIRECTORY],
  [S_IFCHR, FT_CHARACTER],
  [S_IFBLK, FT_BLOCK],
  [S_IFIFO, FT_FIFO],
  [S_IFSOCK, FT_SOCKET],
  [S_IFLNK, FT_SYMLINK],
])

/**
 * Decode an inode.
 *
 * @param from offset of the reference to it, for the error
 * @throws BootcError `STORE_COMPOSEFS_BAD_IMAGE`
 */
export function readInode(image: Superblock, nid: number, from?: number): ErofsInode {
  const { view } = image
  const offset = nid * SLOT_SIZE
  const end = view.byteLength
  if (offset < FIRST_INODE_OFFSET || offset + COMPACT_INODE_SIZE > end) {
    throw badImage(`inode number ${nid} is out of range`, from === undefined ? {} : { offset: from })
  }
  const format = view.getUint16(offset, true)
  const layout = format >> 1
  if (layout !== LAYOUT_PLAIN && layout !== LAYOUT_INLINE && layout !== LAYOUT_CHUNKED) {
    const what = layout === 1 || layout === 3 ? 'is compressed' : `has unknown format ${format}`
    throw badImage(`inode ${nid} ${what}`, { offset })
  }
  const extended = (format & 1) === 1
  const headerSize = extended ? EXTENDED_INODE_SIZE : COMPACT_INODE_SIZE
  const xattrCount = view.getUint16(offset + COMPACT.xattrCount, true)
  const xattrSize = xattrCount === 0 ? 0 : XATTR_HEADER_SIZE + (xattrCount - 1) * 4
  const xattrOffset = offset + headerSize
  if (xattrOffset + xattrSize > end) throw badImage(`inode ${nid} is cut off`, { offset })
  const mode = view.getUint16(offset + COMPACT.mode, true)
  if (!typeOfMode.has(mode & S_IFMT)) throw badImage(`inode ${nid} has no file type`, { offset })
  const size = extended
    ? readUint64(view, offset + EXTENDED.size)
    : view.getUint32(offset + COMPACT.size, true)
  const u = view.getUint32(offset + COMPACT.u, true)
  const data = placeData(image, nid, mode & S_IFMT, layout, size, u, xattrOffset + xattrSize)
  return {
    nid,
    offset,
    mode,
    nlink: extended
      ? view.getUint32(offset + EXTENDED.nlink, true)
      : view.getUint16(offset + COMPACT.nlink, true),
    uid: extended ? view.getUint32(offset + EXTENDED.uid, true) : view.getUint16(offset + COMPACT.uid, true),
    gid: extended ? view.getUint32(offset + EXTENDED.gid, true) : view.getUint16(offset + COMPACT.gid, true),
    size,
    mtimeSec: extended ? readInt64(view, offset + EXTENDED.mtime) : image.buildTime,
    mtimeNsec: extended ? view.getUint32(offset + EXTENDED.mtimeNsec, true) : image.buildTimeNsec,
    u,
    layout,
    xattrOffset,
    xattrSize,
    blockBytes: data.blockBytes,
    tailBytes: data.tailBytes,
  }
}

/** Content of a regular file that is in the image: a copy. */
export function readContent(image: Superblock, inode: ErofsInode): Buffer {
  const start = inode.u * BLOCK_SIZE
  const tail = inode.xattrOffset + inode.xattrSize
  const head = image.bytes.subarray(start, start + inode.blockBytes)
  if (inode.tailBytes === 0) return Buffer.from(head)
  return Buffer.concat([head, image.bytes.subarray(tail, tail + inode.tailBytes)])
}

/** Target of a symbolic link. @throws BootcError `STORE_COMPOSEFS_BAD_IMAGE` when it holds a NUL */
export function readTarget(image: Superblock, inode: ErofsInode): ByteString {
  const target = readContent(image, inode).toString('latin1')
  if (target.includes('\0')) {
    throw badImage(`the target of link ${inode.nid} holds a NUL byte`, { offset: inode.offset })
  }
  return target
}

/** An error about one inode. */
export function badInode(inode: { readonly nid: number; readonly offset: number }, what: string) {
  return badImage(`inode ${inode.nid} ${what}`, { offset: inode.offset })
}

/** True for regular files whose content is not in the image. */
export function isExternal(inode: ErofsInode): boolean {
  return inode.layout === LAYOUT_CHUNKED
}

function placeData(
  image: Superblock,
  nid: number,
  type: number,
  layout: number,
  size: Int64,
  u: number,
  tailOffset: number,
): { blockBytes: number; tailBytes: number } {
  const offset = nid * SLOT_SIZE
  const end = image.bytes.length
  if (layout === LAYOUT_CHUNKED) {
    if (type !== S_IFREG) throw badImage(`inode ${nid} is in chunks but no regular file`, { offset })
    const chunks = chunkCount(size, u)
    if (chunks > MAX_CHUNKS) throw badImage(`inode ${nid} has ${chunks} chunks`, { offset })
    // composefs_version 2 leaves the index out when no digest is known; the content is elsewhere anyway.
    if (image.version !== 2 && tailOffset + Math.min(chunks, 1) * 4 > end) {
      throw badImage(`the chunk index of inode ${nid} is cut off`, { offset })
    }
    return { blockBytes: 0, tailBytes: 0 }
  }
  if (size === 0) return { blockBytes: 0, tailBytes: 0 }
  if (type !== S_IFREG && type !== S_IFDIR && type !== S_IFLNK) {
    throw badImage(`inode ${nid} is a device, fifo or socket with content`, { offset })
  }
  if (typeof size !== 'number' || size > end) {
    throw badImage(`inode ${nid} claims ${size} bytes in an image of ${end}`, { offset })
  }
  if (type === S_IFLNK && size > maxTargetBytes) {
    throw badImage(`the target of link ${nid} has ${size} bytes`, { offset })
  }
  const tailBytes = layout === LAYOUT_INLINE ? size % BLOCK_SIZE : 0
  if (layout === LAYOUT_INLINE && tailBytes === 0) {
    throw badImage(`inode ${nid} has an inline tail of no bytes`, { offset })
  }
  if (tailOffset + tailBytes > end) throw badImage(`inode ${nid} is cut off`, { offset })
  const blockBytes = size - tailBytes
  if (blockBytes > 0 && u * BLOCK_SIZE + Math.ceil(blockBytes / BLOCK_SIZE) * BLOCK_SIZE > end) {
    throw badImage(`the blocks of inode ${nid} lie behind the end`, { offset })
  }
  return { blockBytes, tailBytes }
}

/** Chunks of an external file, at most MAX_CHUNKS + 1. */
export function chunkCount(size: Int64, u: number): number {
  const chunkBytes = 2 ** (BLOCK_BITS + (u & CHUNK_BITS_MASK))
  return Math.ceil(Math.min(Number(size) / chunkBytes, MAX_CHUNKS + 1))
}
