import { badImage } from '../errors.js'
import type { ErofsVersion } from '../types.js'
import type { Int64 } from '../../tree/inode.js'
import {
  BLOCK_BITS,
  BLOCK_SIZE,
  COMPAT_MTIME,
  COMPAT_SUPERBLOCK_CHECKSUM,
  COMPAT_XATTR_FILTER,
  HEADER,
  HEADER_FLAG_ACL,
  HEADER_MAGIC,
  HEADER_VERSION,
  INCOMPAT_CHUNKED_FILE,
  MAX_IMAGE_BYTES,
  SUPERBLOCK,
  SUPERBLOCK_MAGIC,
  SUPERBLOCK_OFFSET,
  SUPERBLOCK_SIZE,
} from './constants.js'

/** Image bytes with what its header and superblock say; every part of the reader works on it. */
export interface Superblock {
  /** The whole image. */
  readonly bytes: Buffer
  readonly view: DataView
  readonly version: ErofsVersion
  /** Some inode has a POSIX ACL (header flag; composefs_version 2 never sets it). */
  readonly hasAcl: boolean
  /** The kernel trusts the name filters of inodes. */
  readonly hasXattrFilter: boolean
  readonly rootNid: number
  /** As the superblock says; not counted. */
  readonly inodeCount: number
  /** mtime of all compact inodes. */
  readonly buildTime: Int64
  readonly buildTimeNsec: number
  /** Bytes from the image's start to what ids of shared attributes count from. */
  readonly xattrOffset: number
}

/**
 * Check header and superblock by the rules of composefs-rs ("restrict"), and that the image is complete.
 *
 * @throws BootcError `STORE_COMPOSEFS_BAD_IMAGE`
 * @see composefs-rs 0.7.0, erofs/reader.rs
 */
export function readSuperblock(image: Uint8Array): Superblock {
  const bytes = Buffer.from(image.buffer, image.byteOffset, image.byteLength)
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength)
  if (bytes.length > MAX_IMAGE_BYTES) {
    throw badImage(`it has ${bytes.length} bytes, more than ${MAX_IMAGE_BYTES}`)
  }
  if (bytes.length < SUPERBLOCK_OFFSET + SUPERBLOCK_SIZE) {
    throw badImage(`it has only ${bytes.length} bytes, too few for a superblock`)
  }
  const version = readHeader(view)
  checkFeatures(view)
  const blocks = at(view, SUPERBLOCK.blocks)
  if (blocks === 0 || blocks * BLOCK_SIZE !== bytes.length) {
    throw badImage(`the superblock counts ${blocks} blocks, but there are ${bytes.length} bytes`, {
      offset: SUPERBLOCK_OFFSET + SUPERBLOCK.blocks,
    })
  }
  const xattrOffset = at(view, SUPERBLOCK.xattrBlock) * BLOCK_SIZE
  if (xattrOffset > bytes.length) {
    throw badImage('the table of attributes lies behind the end', {
      offset: SUPERBLOCK_OFFSET + SUPERBLOCK.xattrBlock,
    })
  }
  return {
    bytes,
    view,
    version,
    hasAcl: (view.getUint32(HEADER.flags, true) & HEADER_FLAG_ACL) !== 0,
    hasXattrFilter: (at(view, SUPERBLOCK.featureCompat) & COMPAT_XATTR_FILTER) !== 0,
    rootNid: view.getUint16(SUPERBLOCK_OFFSET + SUPERBLOCK.rootNid, true),
    inodeCount: Number(view.getBigUint64(SUPERBLOCK_OFFSET + SUPERBLOCK.inodes, true)),
    buildTime: readInt64(view, SUPERBLOCK_OFFSET + SUPERBLOCK.buildTime),
    buildTimeNsec: at(view, SUPERBLOCK.buildTimeNsec),
    xattrOffset,
  }
}

/** Signed 64 bits; a number where that is exact. */
export function readInt64(view: DataView, offset: number): Int64 {
  const high = view.getInt32(offset + 4, true)
  if (high >= -0x20_0000 && high < 0x20_0000) return high * 2 ** 32 + view.getUint32(offset, true)
  return view.getBigInt64(offset, true)
}

/** Unsigned 64 bits; a number where that is exact. */
export function readUint64(view: DataView, offset: number): Int64 {
  const high = view.getUint32(offset + 4, true)
  if (high < 0x20_0000) return high * 2 ** 32 + view.getUint32(offset, true)
  return view.getBigUint64(offset, true)
}

function readHeader(view: DataView): ErofsVersion {
  const magic = view.getUint32(HEADER.magic, true)
  const erofs = at(view, SUPERBLOCK.magic) === SUPERBLOCK_MAGIC
  if (magic !== HEADER_MAGIC) {
    const what = erofs ? 'an EROFS image, but not one made by composefs (no header)' : 'no composefs header'
    throw badImage(what, { offset: HEADER.magic })
  }
  const headerVersion = view.getUint32(HEADER.version, true)
  if (headerVersion !== HEADER_VERSION) {
    throw badImage(`header version ${headerVersion} is unknown`, { offset: HEADER.version })
  }
  const version = view.getUint32(HEADER.composefsVersion, true)
  if (version !== 0 && version !== 1 && version !== 2) {
    throw badImage(`composefs_version ${version} is unknown`, { offset: HEADER.composefsVersion })
  }
  if (!erofs) throw badImage('no EROFS superblock', { offset: SUPERBLOCK_OFFSET })
  return version
}

function checkFeatures(view: DataView): void {
  const blockBits = view.getUint8(SUPERBLOCK_OFFSET + SUPERBLOCK.blockBits)
  if (blockBits !== BLOCK_BITS) throw unsupported('blockBits', `blocks of 2^${blockBits} bytes`)
  const known = COMPAT_SUPERBLOCK_CHECKSUM | COMPAT_MTIME | COMPAT_XATTR_FILTER
  const compat = at(view, SUPERBLOCK.featureCompat) & ~known
  if (compat !== 0) throw unsupported('featureCompat', `compatible feature ${hex(compat)}`)
  const incompat = at(view, SUPERBLOCK.featureIncompat) & ~INCOMPAT_CHUNKED_FILE
  if (incompat !== 0) throw unsupported('featureIncompat', `incompatible feature ${hex(incompat)}`)
  const zero: [keyof typeof SUPERBLOCK, string, number][] = [
    ['compression', 'compression', view.getUint16(SUPERBLOCK_OFFSET + SUPERBLOCK.compression, true)],
    ['extraDevices', 'extra devices', view.getUint16(SUPERBLOCK_OFFSET + SUPERBLOCK.extraDevices, true)],
    ['extSlots', 'superblock extension', view.getUint8(SUPERBLOCK_OFFSET + SUPERBLOCK.extSlots)],
    [
      'packedNid',
      'packed inode',
      (at(view, SUPERBLOCK.packedNid) | at(view, SUPERBLOCK.packedNid + 4)) >>> 0,
    ],
    ['metaBlock', 'metadata elsewhere', at(view, SUPERBLOCK.metaBlock)],
    ['xattrPrefixCount', 'name prefixes', view.getUint8(SUPERBLOCK_OFFSET + SUPERBLOCK.xattrPrefixCount)],
  ]
  for (const [field, name, value] of zero) if (value !== 0) throw unsupported(field, `${name} (${value})`)
}

function at(view: DataView, field: number): number {
  return view.getUint32(SUPERBLOCK_OFFSET + field, true)
}

function hex(value: number): string {
  return `0x${(value >>> 0).toString(16)}`
}

function unsupported(field: keyof typeof SUPERBLOCK, what: string) {
  return badImage(`${what}, which composefs never uses`, { offset: SUPERBLOCK_OFFSET + SUPERBLOCK[field] })
}
