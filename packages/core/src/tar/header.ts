import { decodeName } from '../names/index.js'
import { tarCorrupt } from './errors.js'
import type { TarEntryType } from './types.js'

export const blockBytes = 512

/** Field positions of a header block. @see POSIX.1-2017 pax, "ustar Interchange Format" */
const field = {
  name: 0,
  mode: 100,
  uid: 108,
  gid: 116,
  size: 124,
  mtime: 136,
  checksum: 148,
  typeFlag: 156,
  linkName: 157,
  magic: 257,
  devMajor: 329,
  devMinor: 337,
  prefix: 345,
} as const

/** A header block as it stands, before long names and PAX records. */
export interface RawHeader {
  readonly typeFlag: number
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly sizeBytes: number
  readonly mtime: number
  readonly devMajor: number
  readonly devMinor: number
}

/**
 * Check a block's sum and tell whether it is a header.
 *
 * @param at where the block starts in `bytes`
 * @param offset of the block in the archive, for messages
 * @returns false for a block of zeros, which ends the archive
 * @throws BootcError `IMAGE_TAR_CORRUPT` when the sum is wrong
 */
export function checkHeader(bytes: Uint8Array, at: number, offset: number): boolean {
  let sum = 0
  for (let i = at, end = at + blockBytes; i < end; i++) sum += bytes[i]!
  if (sum === 0) return false
  // The sum counts its own field as eight spaces.
  for (let i = at + field.checksum, end = i + 8; i < end; i++) sum += 0x20 - bytes[i]!
  const stored = readOctal(bytes, at + field.checksum, 8)
  // Some old writers summed signed characters.
  if (stored !== sum && stored !== sum - 256 * countNegative(bytes, at)) {
    throw tarCorrupt('header checksum does not match', offset)
  }
  return true
}

/** Bytes above 127, outside of the checksum. */
function countNegative(bytes: Uint8Array, at: number): number {
  const checksum = at + field.checksum
  let count = 0
  for (let i = at, end = at + blockBytes; i < end; i++) {
    if (bytes[i]! > 127 && (i < checksum || i >= checksum + 8)) count++
  }
  return count
}

/** @throws BootcError `IMAGE_TAR_CORRUPT` for fields that are not numbers or out of range */
export function readHeader(bytes: Uint8Array, at: number, offset: number): RawHeader {
  const typeFlag = bytes[at + field.typeFlag]!
  const isDevice = typeFlag === 0x33 || typeFlag === 0x34
  return {
    typeFlag,
    mode: readNumber(bytes, at + field.mode, 8, 'mode', offset) & 0o7777,
    uid: readId(bytes, at + field.uid, 'uid', offset),
    gid: readId(bytes, at + field.gid, 'gid', offset),
    sizeBytes: readSize(bytes, at + field.size, offset),
    mtime: readNumber(bytes, at + field.mtime, 12, 'mtime', offset),
    devMajor: isDevice ? readNumber(bytes, at + field.devMajor, 8, 'devmajor', offset) : 0,
    devMinor: isDevice ? readNumber(bytes, at + field.devMinor, 8, 'devminor', offset) : 0,
  }
}

/** Name of a header block: with the ustar prefix when the header is ustar proper (GNU uses that space otherwise). */
export function readHeaderName(bytes: Uint8Array, at: number): string {
  const name = readText(bytes, at + field.name, 100)
  if (bytes[at + field.prefix] === 0 || !hasMagic(bytes, at) || bytes[at + field.magic + 5] !== 0) return name
  return `${readText(bytes, at + field.prefix, 155)}/${name}`
}

export function readHeaderLinkName(bytes: Uint8Array, at: number): string {
  return bytes[at + field.linkName] === 0 ? '' : readText(bytes, at + field.linkName, 100)
}

/** What a type flag says, the name's trailing slash aside. */
export function entryType(typeFlag: number): TarEntryType {
  switch (typeFlag) {
    case 0x00: // V7
    case 0x30: // 0
    case 0x37: // 7, contiguous
      return 'file'
    case 0x31:
      return 'hardlink'
    case 0x32:
      return 'symlink'
    case 0x33:
      return 'char'
    case 0x34:
      return 'block'
    case 0x35:
      return 'directory'
    case 0x36:
      return 'fifo'
    default:
      return 'other'
  }
}

/** `ustar`, as both POSIX and GNU headers have it. */
function hasMagic(bytes: Uint8Array, at: number): boolean {
  const magic = at + field.magic
  return (
    bytes[magic] === 0x75 &&
    bytes[magic + 1] === 0x73 &&
    bytes[magic + 2] === 0x74 &&
    bytes[magic + 3] === 0x61 &&
    bytes[magic + 4] === 0x72
  )
}

/** Bytes up to the first NUL. */
function readText(bytes: Uint8Array, at: number, length: number): string {
  let end = at
  const limit = at + length
  while (end < limit && bytes[end] !== 0) end++
  return decodeName(bytes.subarray(at, end))
}

function readId(bytes: Uint8Array, at: number, what: string, offset: number): number {
  const id = readNumber(bytes, at, 8, what, offset)
  // 2^32 - 1 means "leave alone" to chown(2).
  if (id < 0 || id >= 0xffff_ffff) throw tarCorrupt(`${what} ${id} is out of range`, offset)
  return id
}

function readSize(bytes: Uint8Array, at: number, offset: number): number {
  const size = readNumber(bytes, at, 12, 'size', offset)
  if (size < 0) throw tarCorrupt('negative size', offset)
  return size
}

/** Octal text, or base-256 when the top bit of the first byte is set. */
function readNumber(bytes: Uint8Array, at: number, length: number, what: string, offset: number): number {
  const first = bytes[at]!
  const value = first >= 0x80 ? readBinary(bytes, at, length) : readOctal(bytes, at, length)
  if (!Number.isSafeInteger(value)) throw tarCorrupt(`${what} is not a number in range`, offset)
  return value
}

/** NaN for anything but octal digits between spaces and NULs; an empty field is 0. */
function readOctal(bytes: Uint8Array, at: number, length: number): number {
  const end = at + length
  let i = at
  while (i < end && (bytes[i] === 0x20 || bytes[i] === 0)) i++
  let value = 0
  for (; i < end; i++) {
    const digit = bytes[i]! - 0x30
    if (digit < 0 || digit > 7) break
    value = value * 8 + digit
  }
  // Some writers end a number with a space, then anything.
  return i < end && bytes[i] !== 0 && bytes[i] !== 0x20 ? NaN : value
}

/** Big-endian two's complement, the marker bit cleared. */
function readBinary(bytes: Uint8Array, at: number, length: number): number {
  const isNegative = (bytes[at]! & 0x40) !== 0
  let value = isNegative ? bytes[at]! - 0x100 : bytes[at]! & 0x3f
  for (let i = at + 1, end = at + length; i < end; i++) value = value * 256 + bytes[i]!
  return value
}
