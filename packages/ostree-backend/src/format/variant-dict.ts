import type { VariantDict } from '../repo/api.js'
import { maxMetadataBytes } from './checksum.js'
import { corrupt, invalid } from './errors.js'
import { decodeVariant } from './gvariant-decode.js'
import { encodeVariant } from './gvariant-encode.js'

/** Encode `a{sv}`: detached metadata, tombstones, signatures. Order is kept. */
export function encodeDict(dict: VariantDict): Buffer {
  checkKeys(dict)
  const bytes = encodeVariant('a{sv}', dict)
  if (bytes.length > maxMetadataBytes) throw invalid('metadata', `${bytes.length} bytes are too many`)
  return bytes
}

/** @throws BootcError `STORE_OSTREE_CORRUPT` */
export function decodeDict(bytes: Uint8Array, what: string): VariantDict {
  if (bytes.length > maxMetadataBytes) throw corrupt(what, `${bytes.length} bytes are too many`)
  return decodeVariant('a{sv}', bytes, what) as VariantDict
}

export function checkKeys(dict: VariantDict): void {
  if (dict.some(([key]) => key === '')) throw invalid('metadata', 'empty key')
}

/** The value under `key` when it has the given type; the first of equal keys wins. */
export function lookup(dict: VariantDict, key: string, type: 's'): string | undefined
export function lookup(dict: VariantDict, key: string, type: 'as'): readonly string[] | undefined
export function lookup(dict: VariantDict, key: string, type: 'ay'): Buffer | undefined
export function lookup(dict: VariantDict, key: string, type: 'aay'): readonly Buffer[] | undefined
export function lookup(dict: VariantDict, key: string, type: 't'): bigint | undefined
export function lookup(dict: VariantDict, key: string, type: 'b'): boolean | undefined
export function lookup(dict: VariantDict, key: string, type: 'a{sv}'): VariantDict | undefined
export function lookup(dict: VariantDict, key: string, type: string): unknown {
  const found = dict.find(([name]) => name === key)?.[1]
  return found?.type === type ? found.value : undefined
}

/** Some numbers in metadata are big-endian inside a little-endian format; this converts both ways. */
export function swap64(value: bigint): bigint {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value))
  return bytes.readBigUInt64BE()
}
