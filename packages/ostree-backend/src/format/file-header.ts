import { isUtf8 } from 'node:buffer'
import { isUtf8Name } from '@bootc-sdk/core/names'
import type { FileHeader } from '../repo/api.js'
import { corrupt, invalid } from './errors.js'
import { offsetWidth, offsetWidthFor } from './gvariant-type.js'
import { isContentMode, isSymlinkMode } from './mode.js'
import { decodeXattrs, encodeXattrs } from './xattrs.js'

/** BE32 length of the header and four zero bytes (alignment to 8) come before it, hashed and on disk. */
export const headerPrefixBytes = 8

/**
 * What is hashed before the content of a file object: length prefix and `(uuuusa(ayay))` with uid, gid, mode,
 * rdev (all big-endian), target of a symbolic link or "", attributes.
 *
 * @throws BootcError `STORE_OSTREE_INVALID` for modes that are neither a file's nor a symbolic link's
 * @see ostree 2026.4 src/libostree/ostree-core.c, file headers
 */
export function encodeFileHeader(header: FileHeader): Buffer {
  return encode(header, 0, 0)
}

/** Start of a `.filez`: the same with the uncompressed size in front, `(tuuuusa(ayay))`. 0 for symbolic links. */
export function encodeFilezHeader(header: FileHeader, sizeBytes: number): Buffer {
  return encode(header, 8, sizeBytes)
}

function encode(header: FileHeader, sizeField: 0 | 8, sizeBytes: number): Buffer {
  checkHeader(header)
  const target = header.symlinkTarget === undefined ? undefined : Buffer.from(header.symlinkTarget)
  const xattrs = encodeXattrs(header.xattrs)
  const stringEnd = sizeField + 16 + (target?.length ?? 0) + 1
  const body = stringEnd + xattrs.length
  const width = offsetWidthFor(body, 1)
  const out = Buffer.alloc(headerPrefixBytes + body + width)
  out.writeUInt32BE(body + width, 0)
  if (sizeField > 0) out.writeBigUInt64BE(BigInt(sizeBytes), headerPrefixBytes)
  const at = headerPrefixBytes + sizeField
  out.writeUInt32BE(header.uid, at)
  out.writeUInt32BE(header.gid, at + 4)
  out.writeUInt32BE(header.mode, at + 8)
  target?.copy(out, at + 16)
  xattrs.copy(out, headerPrefixBytes + stringEnd)
  out.writeUIntLE(stringEnd, headerPrefixBytes + body, width)
  return out
}

function checkHeader(header: FileHeader): void {
  const { mode, symlinkTarget } = header
  if (!isContentMode(mode)) throw invalid('file object', `mode 0${mode.toString(8)}`)
  if (isSymlinkMode(mode) !== (symlinkTarget !== undefined)) {
    throw invalid('file object', 'a target belongs to symbolic links and to nothing else')
  }
  if (symlinkTarget !== undefined && (symlinkTarget === '' || symlinkTarget.includes('\0'))) {
    throw invalid('file object', 'bad target of a symbolic link')
  }
  // The format holds it as a GVariant string.
  if (symlinkTarget !== undefined && !isUtf8Name(symlinkTarget)) {
    throw invalid('file object', 'target of a symbolic link is not UTF-8')
  }
}

/**
 * Bytes of the header that `prefix` announces, its own 8 bytes included.
 *
 * @throws BootcError `STORE_OSTREE_CORRUPT`
 */
export function filezHeaderBytes(prefix: Uint8Array, what: string): number {
  if (prefix.length < headerPrefixBytes) throw corrupt(what, 'ends within its header')
  const buffer = Buffer.from(prefix.buffer, prefix.byteOffset, prefix.byteLength)
  const length = buffer.readUInt32BE(0)
  if (buffer.readUInt32BE(4) !== 0) throw corrupt(what, 'padding of the header is not zero')
  if (length < 26 || length > maxHeaderBytes) throw corrupt(what, `header of ${length} bytes`)
  return headerPrefixBytes + length
}

/** Attribute sets are limited by the kernel to 64 KiB; this leaves room for anything sensible. */
const maxHeaderBytes = 16 * 1024 * 1024

/** Decode a whole `.filez` header, prefix included. */
export function decodeFilezHeader(
  bytes: Uint8Array,
  what: string,
): FileHeader & { readonly sizeBytes: number } {
  return decode(bytes, 8, what)
}

/** Decode what `encodeFileHeader` makes (static deltas and tests; repositories do not store it). */
export function decodeFileHeader(bytes: Uint8Array, what: string): FileHeader {
  const { sizeBytes: _, ...header } = decode(bytes, 0, what)
  return header
}

function decode(
  bytes: Uint8Array,
  sizeField: 0 | 8,
  what: string,
): FileHeader & { readonly sizeBytes: number } {
  if (bytes.length < headerPrefixBytes + sizeField + 18) throw corrupt(what, 'ends within its header')
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const buffer = whole.subarray(headerPrefixBytes)
  if (whole.readUInt32BE(0) !== buffer.length || whole.readUInt32BE(4) !== 0) {
    throw corrupt(what, 'length of the header is wrong')
  }
  const width = offsetWidth(buffer.length)
  const body = buffer.length - width
  const stringEnd = width === 8 ? 0 : buffer.readUIntLE(body, width)
  const at = sizeField + 16
  if (offsetWidthFor(body, 1) !== width || stringEnd <= at || stringEnd > body) {
    throw corrupt(what, 'bad offset in the header')
  }
  const target = buffer.subarray(at, stringEnd)
  if (target.indexOf(0) !== target.length - 1) throw corrupt(what, 'target without its NUL')
  if (!isUtf8(target)) throw corrupt(what, 'target is not UTF-8')
  const mode = buffer.readUInt32BE(sizeField + 8)
  if (buffer.readUInt32BE(sizeField + 12) !== 0) throw corrupt(what, 'device number is not zero')
  if (!isContentMode(mode)) throw corrupt(what, `mode 0${mode.toString(8)} is no file's`)
  const symlink = isSymlinkMode(mode)
  if (symlink !== target.length > 1) throw corrupt(what, 'target and mode disagree')
  const size = sizeField === 0 ? 0n : buffer.readBigUInt64BE(0)
  if (size > BigInt(Number.MAX_SAFE_INTEGER) || (symlink && size !== 0n)) throw corrupt(what, `size ${size}`)
  return {
    uid: buffer.readUInt32BE(sizeField),
    gid: buffer.readUInt32BE(sizeField + 4),
    mode,
    xattrs: decodeXattrs(buffer.subarray(stringEnd, body), what),
    ...(symlink ? { symlinkTarget: target.toString('utf8', 0, target.length - 1) } : {}),
    sizeBytes: Number(size),
  }
}
