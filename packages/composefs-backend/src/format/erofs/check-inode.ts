import { S_IFLNK, S_IFMT, S_IFREG, type ByteString } from '../../tree/inode.js'
import { BLOCK_SIZE, CHUNK_NULL, XATTR_FILTER_SEED, XATTR_PREFIXES } from './constants.js'
import { badInode, chunkCount, isExternal, type ErofsInode } from './read-inode.js'
import type { Superblock } from './read-superblock.js'
import type { StoredXattr } from './read-xattrs.js'
import { xxh32 } from './xxh32.js'

/** Limits of composefs-rs for its own format. */
const maxInlineBytesV2 = 512
const maxTargetBytesV2 = 1024

/**
 * What can be said of one inode alone, beyond what decoding demands.
 *
 * @param xattrs as stored
 * @throws BootcError `STORE_COMPOSEFS_BAD_IMAGE`
 */
export function checkInode(
  image: Superblock,
  inode: ErofsInode,
  xattrs: readonly StoredXattr[],
  bits: FilterBits,
): void {
  checkTail(image, inode)
  checkFilter(image, inode, xattrs, bits)
  const type = inode.mode & S_IFMT
  if (isExternal(inode)) checkChunk(image, inode)
  if (image.version !== 2) return
  const size = Number(inode.size)
  if (type === S_IFREG && !isExternal(inode) && size > maxInlineBytesV2) {
    throw badInode(inode, `has ${size} bytes inline, version 2 allows ${maxInlineBytesV2}`)
  }
  if (type === S_IFLNK && size > maxTargetBytesV2) {
    throw badInode(inode, `has ${size} bytes, version 2 allows ${maxTargetBytesV2}`)
  }
}

/**
 * The kernel maps an inline tail only when it lies in one block; before 6.12 it wanted a link's inode and
 * target together in one.
 */
function checkTail(image: Superblock, inode: ErofsInode): void {
  if (inode.tailBytes === 0) return
  const tail = inode.xattrOffset + inode.xattrSize
  const strict = image.version !== 2 && (inode.mode & S_IFMT) === S_IFLNK
  const start = strict ? inode.offset : tail
  if (Math.floor(start / BLOCK_SIZE) !== Math.floor((tail + inode.tailBytes - 1) / BLOCK_SIZE)) {
    throw badInode(inode, 'has a tail that crosses a block')
  }
}

/** The kernel does not look for an attribute whose bit is set: a wrong filter hides it. */
function checkFilter(
  image: Superblock,
  inode: ErofsInode,
  xattrs: readonly StoredXattr[],
  bits: FilterBits,
): void {
  if (!image.hasXattrFilter || xattrs.length === 0) return
  const filter = image.view.getUint32(inode.xattrOffset, true)
  for (const [name, , prefix] of xattrs) {
    if ((filter & bits.of(name, prefix)) !== 0) throw badInode(inode, `has a filter that hides ${name}`)
  }
}

/** Bits by name for each prefix index; images have few different names. */
export class FilterBits {
  readonly #bits = XATTR_PREFIXES.map(() => new Map<ByteString, number>())

  of(name: ByteString, prefix: number): number {
    let bit = this.#bits[prefix]!.get(name)
    if (bit === undefined) {
      bit = 1 << (xxh32(name.slice(XATTR_PREFIXES[prefix]!.length), XATTR_FILTER_SEED + prefix) & 31)
      this.#bits[prefix]!.set(name, bit)
    }
    return bit
  }
}

/**
 * Chunks must point nowhere. With several chunks mkcomposefs may put the index into a block of its own, where
 * the kernel does not look either; then there is nothing to check.
 */
function checkChunk(image: Superblock, inode: ErofsInode): void {
  const chunks = chunkCount(inode.size, inode.u)
  const index = inode.xattrOffset + inode.xattrSize
  if (chunks !== 1 || image.version === 2) return
  if (image.view.getUint32(index, true) !== CHUNK_NULL) {
    throw badInode(inode, 'has content in a chunk of the image')
  }
}
