import { algorithmNumber, digestBytes, type ObjectId, type VerityAlgorithm } from './types.js'
import { badStream } from './errors.js'

/** Header and info section: what is at fixed offsets. */
export const splitstreamHeaderBytes = 32
export const splitstreamInfoBytes = 80

const magic = Buffer.from('SplitStream')
/** log2 of the fs-verity block size. */
const blockBits = 12

/** A section by its offsets in the file, `end` exclusive. */
export interface FileRange {
  readonly start: number
  readonly end: number
}

export interface SplitstreamInfo {
  readonly streamRefs: FileRange
  readonly objectRefs: FileRange
  /** One zstd frame (or several): the pieces. */
  readonly stream: FileRange
  /** One zstd frame (or several): the names. */
  readonly namedRefs: FileRange
  readonly contentType: bigint
  /** Bytes of the original. */
  readonly sizeBytes: number
}

/**
 * Everything in front of the compressed stream: header, info, the arrays of references, the compressed names.
 *
 * @param parts `streamBytes`: length of the compressed stream that will follow
 * @see composefs-rs 0.7.0 crates/composefs/src/splitstream.rs, SplitstreamHeader and SplitstreamInfo
 */
export function encodeSplitstreamPrefix(parts: {
  readonly algorithm: VerityAlgorithm
  readonly streamRefs: readonly ObjectId[]
  readonly objectRefs: readonly ObjectId[]
  readonly namedRefs: Uint8Array
  readonly streamBytes: number
  readonly contentType: bigint
  readonly sizeBytes: number
}): Buffer {
  const { algorithm, streamRefs, objectRefs, namedRefs } = parts
  const idBytes = digestBytes[algorithm]
  const infoEnd = splitstreamHeaderBytes + splitstreamInfoBytes
  const streamRefsEnd = infoEnd + streamRefs.length * idBytes
  const objectRefsEnd = streamRefsEnd + objectRefs.length * idBytes
  const namedRefsEnd = objectRefsEnd + namedRefs.length
  const out = Buffer.alloc(namedRefsEnd)
  magic.copy(out)
  // Bytes 11 to 13: version and flags, both 0.
  out[14] = algorithmNumber[algorithm]
  out[15] = blockBits
  const numbers = [
    ...[splitstreamHeaderBytes, infoEnd],
    ...[infoEnd, streamRefsEnd],
    ...[streamRefsEnd, objectRefsEnd],
    ...[namedRefsEnd, namedRefsEnd + parts.streamBytes],
    ...[objectRefsEnd, namedRefsEnd],
    parts.contentType,
    parts.sizeBytes,
  ]
  numbers.forEach((value, index) => out.writeBigUInt64LE(BigInt(value), 16 + 8 * index))
  let at = infoEnd
  for (const id of [...streamRefs, ...objectRefs]) at += out.write(id, at, 'hex')
  out.set(namedRefs, objectRefsEnd)
  return out
}

/**
 * Where the info section is. Two layouts of the header exist: the present one, and that of bootc up to 1.15
 * whose fields the compiler had reordered.
 *
 * @param head the first 32 bytes
 * @throws BootcError `STORE_COMPOSEFS_BAD_STREAM`
 */
export function parseSplitstreamHeader(
  head: Uint8Array,
  file: { readonly name: string; readonly sizeBytes: number; readonly algorithm: VerityAlgorithm },
): FileRange {
  const { name, sizeBytes, algorithm } = file
  if (head.length < splitstreamHeaderBytes) throw badStream(name, 'ends in its header')
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.length)
  const old = !bytes.subarray(0, magic.length).equals(magic)
  if (old && !bytes.subarray(18, 18 + magic.length).equals(magic))
    throw badStream(name, 'is not a splitstream')
  const [version, number, bits] = old ? [bytes[29], bytes[30], bytes[31]] : [bytes[11], bytes[14], bytes[15]]
  if (version !== 0) throw badStream(name, `version ${version} is not supported`)
  if (number !== algorithmNumber[algorithm]) {
    throw badStream(name, `algorithm ${number} is not that of the repository, ${algorithm}`)
  }
  if (bits !== blockBits) throw badStream(name, `block size 2^${bits} is not supported`)
  const info = readRange(bytes, old ? 0 : 16, 'info', name, sizeBytes)
  if (info.end - info.start < splitstreamInfoBytes) throw badStream(name, 'info section is too short')
  return info
}

/**
 * The info section; a longer one than known is of a later version and compatible.
 *
 * @throws BootcError `STORE_COMPOSEFS_BAD_STREAM`: every range lies within the file, arrays hold whole ids
 */
export function parseSplitstreamInfo(
  section: Uint8Array,
  file: { readonly name: string; readonly sizeBytes: number; readonly algorithm: VerityAlgorithm },
): SplitstreamInfo {
  const { name, sizeBytes, algorithm } = file
  if (section.length < splitstreamInfoBytes) throw badStream(name, 'ends in its info section')
  const bytes = Buffer.from(section.buffer, section.byteOffset, section.length)
  const range = (offset: number, what: string) => readRange(bytes, offset, what, name, sizeBytes)
  const info = {
    streamRefs: range(0, 'stream references'),
    objectRefs: range(16, 'object references'),
    stream: range(32, 'stream'),
    namedRefs: range(48, 'named references'),
    contentType: bytes.readBigUInt64LE(64),
    sizeBytes: readCount(bytes, 72, 'size', name),
  }
  for (const { start, end } of [info.streamRefs, info.objectRefs]) {
    if ((end - start) % digestBytes[algorithm] !== 0) {
      throw badStream(name, 'references are not whole digests')
    }
  }
  return info
}

/** The ids of an array of references. */
export function parseIds(section: Uint8Array, algorithm: VerityAlgorithm): ObjectId[] {
  const bytes = Buffer.from(section.buffer, section.byteOffset, section.length)
  const idBytes = digestBytes[algorithm]
  const ids = new Array<ObjectId>(bytes.length / idBytes)
  // In parts, since a string has a longest length: one call for each id would take several times as long.
  for (let at = 0; at < bytes.length; at += idsAtOnce * idBytes) {
    const hex = bytes.toString('hex', at, at + idsAtOnce * idBytes)
    for (let i = 0; i < hex.length; i += 2 * idBytes) {
      ids[at / idBytes + i / (2 * idBytes)] = hex.slice(i, i + 2 * idBytes)
    }
  }
  return ids
}

const idsAtOnce = 65536

function readRange(bytes: Buffer, offset: number, what: string, name: string, sizeBytes: number): FileRange {
  const start = bytes.readBigUInt64LE(offset)
  const end = bytes.readBigUInt64LE(offset + 8)
  if (start > end || end > BigInt(sizeBytes)) {
    throw badStream(name, `${what} at ${start}..${end} of ${sizeBytes} bytes`)
  }
  return { start: Number(start), end: Number(end) }
}

function readCount(bytes: Buffer, offset: number, what: string, name: string): number {
  const value = bytes.readBigUInt64LE(offset)
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw badStream(name, `${what} of ${value} bytes`)
  return Number(value)
}
