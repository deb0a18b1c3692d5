import { badImage } from '../errors.js'
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK } from '../../tree/inode.js'
import type { Int64 } from '../../tree/inode.js'
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
  const inode = new ImageInode(image, nid, mode, layout, extended, xattrOffset, xattrSize)
  inode.placeData()
  return inode
}

/** What a walk needs of every inode is decoded at once, the rest when it is asked for. */
class ImageInode implements ErofsInode {
  readonly offset: number
  readonly size: Int64
  readonly u: number
  blockBytes = 0
  tailBytes = 0
  readonly #image: Superblock
  readonly #extended: boolean

  constructor(
    image: Superblock,
    readonly nid: number,
    readonly mode: number,
    readonly layout: number,
    extended: boolean,
    readonly xattrOffset: number,
    readonly xattrSize: number,
  ) {
    const { view } = image
    this.#image = image
    this.#extended = extended
    this.offset = nid * SLOT_SIZE
    this.u = view.getUint32(this.offset + COMPACT.u, true)
    this.size = extended
      ? readUint64(view, this.offset + EXTENDED.size)
      : view.getUint32(this.offset + COMPACT.size, true)
  }

  get nlink(): number {
    const { view } = this.#image
    if (this.#extended) return view.getUint32(this.offset + EXTENDED.nlink, true)
    return view.getUint16(this.offset + COMPACT.nlink, true)
  }

  get uid(): number {
    const { view } = this.#image
    if (this.#extended) return view.getUint32(this.offset + EXTENDED.uid, true)
    return view.getUint16(this.offset + COMPACT.uid, true)
  }

  get gid(): number {
    const { view } = this.#image
    if (this.#extended) return view.getUint32(this.offset + EXTENDED.gid, true)
    return view.getUint16(this.offset + COMPACT.gid, true)
  }

  get mtimeSec(): Int64 {
    if (!this.#extended) return this.#image.buildTime
    return readInt64(this.#image.view, this.offset + EXTENDED.mtime)
  }

  get mtimeNsec(): number {
    if (!this.#extended) return this.#image.buildTimeNsec
    return this.#image.view.getUint32(this.offset + EXTENDED.mtimeNsec, true)
  }

  /** Find the content, and check that it lies in the image. */
  placeData(): void {
    const { size, u, layout } = this
    const type = this.mode & S_IFMT
    const end = this.#image.bytes.length
    const tailOffset = this.xattrOffset + this.xattrSize
    if (layout === LAYOUT_CHUNKED) {
      if (type !== S_IFREG) throw badInode(this, 'is in chunks but no regular file')
      const chunks = chunkCount(size, u)
      if (chunks > MAX_CHUNKS) throw badInode(this, `has ${chunks} chunks`)
      // Version 2 leaves the index out when no digest is known; the content is elsewhere anyway.
      if (this.#image.version !== 2 && tailOffset + Math.min(chunks, 1) * 4 > end) {
        throw badInode(this, 'has a chunk index that is cut off')
      }
      return
    }
    if (size === 0) return
    if (type !== S_IFREG && type !== S_IFDIR && type !== S_IFLNK) {
      throw badInode(this, 'is a device, fifo or socket with content')
    }
    if (typeof size !== 'number' || size > end) {
      throw badInode(this, `claims ${size} bytes in an image of ${end}`)
    }
    if (type === S_IFLNK && size > maxTargetBytes) throw badInode(this, `is a link of ${size} bytes`)
    if (layout === LAYOUT_INLINE) this.tailBytes = size % BLOCK_SIZE
    if (layout === LAYOUT_INLINE && this.tailBytes === 0)
      throw badInode(this, 'has an inline tail of no bytes')
    if (tailOffset + this.tailBytes > end) throw badInode(this, 'is cut off')
    this.blockBytes = size - this.tailBytes
    const blocks = Math.ceil(this.blockBytes / BLOCK_SIZE)
    if (blocks > 0 && (u + blocks) * BLOCK_SIZE > end) throw badInode(this, 'has blocks behind the end')
  }
}

/** An error about one inode. */
export function badInode(inode: { readonly nid: number; readonly offset: number }, what: string) {
  return badImage(`inode ${inode.nid} ${what}`, { offset: inode.offset })
}

/** True for regular files whose content is not in the image. */
export function isExternal(inode: ErofsInode): boolean {
  return inode.layout === LAYOUT_CHUNKED
}

/** Chunks of an external file, at most MAX_CHUNKS + 1. */
export function chunkCount(size: Int64, u: number): number {
  const chunkBytes = 2 ** (BLOCK_BITS + (u & CHUNK_BITS_MASK))
  return Math.ceil(Math.min(Number(size) / chunkBytes, MAX_CHUNKS + 1))
}
