import type { ObjectMeta } from '../repo/api.js'
import { corrupt, invalid } from './errors.js'
import { decodeVariant } from './gvariant-decode.js'
import { isContentMode, isDirectoryMode } from './mode.js'
import { encodeXattrs, xattrsFromPairs } from './xattrs.js'

/**
 * Encode a dirmeta object: `(uuua(ayay))`, uid, gid and mode big-endian. 12 bytes without attributes.
 *
 * @throws BootcError `STORE_OSTREE_INVALID` when the mode is not a directory's
 * @see ostree 2026.4 src/libostree/ostree-core.h, OSTREE_DIRMETA_GVARIANT_STRING
 */
export function encodeDirMeta(meta: ObjectMeta): Buffer {
  if (!isDirectoryMode(meta.mode)) throw invalid('dirmeta', `mode 0${meta.mode.toString(8)}`)
  return encodeOwnerAndMode(meta)
}

/** @throws BootcError `STORE_OSTREE_CORRUPT` */
export function decodeDirMeta(bytes: Uint8Array, what = 'dirmeta'): ObjectMeta {
  const meta = decodeOwnerAndMode(bytes, what)
  if (!isDirectoryMode(meta.mode)) throw corrupt(what, `mode 0${meta.mode.toString(8)} is no directory's`)
  return meta
}

/** Value of `user.ostreemeta` in bare-user repositories: a dirmeta's layout with a file's mode. */
export function encodeOstreeMeta(meta: ObjectMeta): Buffer {
  if (!isContentMode(meta.mode)) throw invalid('file metadata', `mode 0${meta.mode.toString(8)}`)
  return encodeOwnerAndMode(meta)
}

export function decodeOstreeMeta(bytes: Uint8Array, what: string): ObjectMeta {
  const meta = decodeOwnerAndMode(bytes, what)
  if (!isContentMode(meta.mode)) throw corrupt(what, `mode 0${meta.mode.toString(8)} is no file's`)
  return meta
}

function encodeOwnerAndMode(meta: ObjectMeta): Buffer {
  const head = Buffer.alloc(12)
  head.writeUInt32BE(meta.uid, 0)
  head.writeUInt32BE(meta.gid, 4)
  head.writeUInt32BE(meta.mode, 8)
  return meta.xattrs.length === 0 ? head : Buffer.concat([head, encodeXattrs(meta.xattrs)])
}

function decodeOwnerAndMode(bytes: Uint8Array, what: string): ObjectMeta {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (buffer.length < 12) throw corrupt(what, `${buffer.length} bytes are too few`)
  const pairs =
    buffer.length === 12 ? [] : (decodeVariant('a(ayay)', buffer.subarray(12), what) as [Buffer, Buffer][])
  return {
    uid: buffer.readUInt32BE(0),
    gid: buffer.readUInt32BE(4),
    mode: buffer.readUInt32BE(8),
    xattrs: xattrsFromPairs(pairs, what),
  }
}
