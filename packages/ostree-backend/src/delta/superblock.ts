import { maxMetadataBytes, objectName } from '../format/checksum.js'
import { corrupt } from '../format/errors.js'
import { decodeVariant } from '../format/gvariant-decode.js'
import { encodeVariant } from '../format/gvariant-encode.js'
import { swap64 } from '../format/variant-dict.js'
import type { ObjectType, VariantDict } from '../repo/api.js'
import type { DeltaName } from './names.js'

/** What a delta consists of. */
export interface Superblock extends DeltaName {
  readonly metadata: VariantDict
  /** Seconds since the epoch. */
  readonly timestamp: number
  /** The commit object that it leads to. */
  readonly commit: Buffer
  readonly parts: readonly PartHeader[]
  /** Objects to be fetched as they are. */
  readonly fallbacks: readonly Fallback[]
}

export interface DeltaObject {
  readonly type: Exclude<ObjectType, 'tombstone-commit'>
  readonly checksum: string
}

export interface PartHeader {
  /** SHA-256 of the part's file, in hex. */
  readonly digest: string
  /** Bytes of the part's file. */
  readonly sizeBytes: number
  /** Bytes of the objects it makes. */
  readonly objectBytes: number
  /** In the order in which they are made. */
  readonly objects: readonly DeltaObject[]
}

export interface Fallback extends DeltaObject {
  readonly compressedBytes: number
  readonly objectBytes: number
}

const type = '(a{sv}tayay(a{sv}aya(say)sstayay)aya(uayttay)a(yaytt))'
const signedType = '(taya{sv})'
const commitType = '(a{sv}aya(say)sstayay)'
/** `OSTSGNDT`. */
const signedMagic = Buffer.from('OSTSGNDT', 'latin1')
const endiannessKey = 'ostree.endianness'

/** Numbers of object types. @see ostree 2026.4 src/libostree/ostree-core.h, OstreeObjectType */
const objectTypes: ReadonlyMap<number, DeltaObject['type']> = new Map([
  [1, 'file'],
  [2, 'dirtree'],
  [3, 'dirmeta'],
  [4, 'commit'],
  [6, 'commitmeta'],
])

/** A superblock that may be signed: the bytes inside, and the signatures of them. */
export function unwrapSigned(bytes: Uint8Array, what: string): { inner: Buffer; signatures?: VariantDict } {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (!buffer.subarray(0, 8).equals(signedMagic)) return { inner: buffer }
  const [, inner, signatures] = decodeVariant(signedType, buffer, what) as [bigint, Buffer, VariantDict]
  return { inner, signatures }
}

/** A superblock with signatures of it. */
export function wrapSigned(inner: Uint8Array, signatures: VariantDict): Buffer {
  return encodeVariant(signedType, [signedMagic.readBigUInt64LE(), inner, signatures])
}

type Raw = [
  VariantDict,
  bigint,
  Buffer,
  Buffer,
  unknown,
  Buffer,
  [number, Buffer, bigint, bigint, Buffer][],
  [number, Buffer, bigint, bigint][],
]

/**
 * @param bytes without signatures
 * @throws BootcError `STORE_OSTREE_CORRUPT`
 * @see ostree.md §12.2 in the format documents
 */
export function decodeSuperblock(bytes: Uint8Array, what: string): Superblock {
  if (bytes.length > maxMetadataBytes) throw corrupt(what, `${bytes.length} bytes are too many`)
  const [metadata, timestamp, from, to, commit, , parts, fallbacks] = decodeVariant(type, bytes, what) as Raw
  if (to.length !== 32 || (from.length !== 0 && from.length !== 32))
    throw corrupt(what, 'a checksum is no checksum')
  const order = metadata.find(([key]) => key === endiannessKey)?.[1]
  const big = order?.type === 'y' && order.value === 0x42
  const number = (value: bigint) => {
    const found = big ? swap64(value) : value
    if (found > BigInt(Number.MAX_SAFE_INTEGER)) throw corrupt(what, `size ${found}`)
    return Number(found)
  }
  return {
    metadata,
    timestamp: Number(swap64(timestamp)),
    ...(from.length === 0 ? {} : { from: from.toString('hex') }),
    to: to.toString('hex'),
    commit: encodeVariant(commitType, commit),
    parts: parts.map(([version, digest, size, objectBytes, objects]) => {
      if (version !== 0 || digest.length !== 32) throw corrupt(what, 'a part is of an unknown kind')
      return {
        digest: digest.toString('hex'),
        sizeBytes: number(size),
        objectBytes: number(objectBytes),
        objects: decodeObjects(objects, what),
      }
    }),
    fallbacks: fallbacks.map(([kind, checksum, compressed, objectBytes]) => ({
      ...objectOf(kind, checksum, what),
      compressedBytes: number(compressed),
      objectBytes: number(objectBytes),
    })),
  }
}

export function encodeSuperblock(superblock: Superblock): Buffer {
  const { from, to, timestamp, commit, parts, fallbacks } = superblock
  const metadata = superblock.metadata.filter(([key]) => key !== endiannessKey)
  return encodeVariant(type, [
    [...metadata, [endiannessKey, { type: 'y', value: 0x6c }]],
    swap64(BigInt(timestamp)),
    from === undefined ? Buffer.alloc(0) : Buffer.from(from, 'hex'),
    Buffer.from(to, 'hex'),
    decodeVariant(commitType, commit, `${to}.commit`),
    Buffer.alloc(0),
    parts.map(({ digest, sizeBytes, objectBytes, objects }) => [
      0,
      Buffer.from(digest, 'hex'),
      BigInt(sizeBytes),
      BigInt(objectBytes),
      Buffer.concat(objects.map(encodeObject)),
    ]),
    fallbacks.map((object) => [
      numberOf(object.type),
      Buffer.from(object.checksum, 'hex'),
      BigInt(object.compressedBytes),
      BigInt(object.objectBytes),
    ]),
  ])
}

function decodeObjects(bytes: Buffer, what: string): DeltaObject[] {
  if (bytes.length % 33 !== 0) throw corrupt(what, 'a list of objects is cut short')
  return Array.from({ length: bytes.length / 33 }, (_, index) => {
    const at = index * 33
    return objectOf(bytes[at]!, bytes.subarray(at + 1, at + 33), what)
  })
}

function objectOf(kind: number, checksum: Buffer, what: string): DeltaObject {
  const found = objectTypes.get(kind)
  if (found === undefined || checksum.length !== 32) throw corrupt(what, `holds an object of type ${kind}`)
  return { type: found, checksum: checksum.toString('hex') }
}

function encodeObject(object: DeltaObject): Buffer {
  return Buffer.concat([Buffer.of(numberOf(object.type)), Buffer.from(object.checksum, 'hex')])
}

function numberOf(wanted: DeltaObject['type']): number {
  for (const [number, name] of objectTypes) if (name === wanted) return number
  throw new TypeError(`no number for ${wanted}`)
}

/** For messages. */
export function describeObject({ type: kind, checksum }: DeltaObject): string {
  return objectName(kind, checksum, 'bare').replace('/', '')
}
