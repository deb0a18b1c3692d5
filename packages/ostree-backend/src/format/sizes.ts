import type { ObjectType } from '../repo/api.js'
import { checksumBytes } from './checksum.js'
import { corrupt } from './errors.js'

/** One entry of `ostree.sizes`. */
export interface ObjectSize {
  readonly checksum: string
  /** On disk in an archive repository. */
  readonly archivedBytes: number
  readonly unpackedBytes: number
  /** Undefined in old repositories, which lack the byte. */
  readonly type: ObjectType | undefined
}

const numbers: readonly (ObjectType | undefined)[] = [
  undefined,
  'file',
  'dirtree',
  'dirmeta',
  'commit',
  'tombstone-commit',
  'commitmeta',
]

/**
 * Value of the commit metadata key `ostree.sizes`, an `aay`: checksum, two LEB128 numbers, type number;
 * sorted by checksum.
 *
 * @see ostree 2026.4 src/libostree/ostree-repo-commit.c, ostree.sizes
 */
export function encodeSizes(sizes: readonly ObjectSize[]): Buffer[] {
  const sorted = [...sizes].sort((a, b) => (a.checksum < b.checksum ? -1 : 1))
  return sorted.map(({ checksum, archivedBytes, unpackedBytes, type }) =>
    Buffer.concat([
      checksumBytes(checksum),
      encodeVarint(archivedBytes),
      encodeVarint(unpackedBytes),
      Buffer.from(type === undefined ? [] : [numbers.indexOf(type)]),
    ]),
  )
}

/** @throws BootcError `STORE_OSTREE_CORRUPT` */
export function decodeSizes(entries: readonly Uint8Array[], what = 'ostree.sizes'): ObjectSize[] {
  return entries.map((raw) => {
    const entry = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength)
    const [archivedBytes, next] = decodeVarint(entry, 32, what)
    const [unpackedBytes, end] = decodeVarint(entry, next, what)
    const number = entry[end]
    if (entry.length > end + 1 || (number !== undefined && numbers[number] === undefined)) {
      throw corrupt(what, 'bad type of object')
    }
    const type = number === undefined ? undefined : numbers[number]
    return { checksum: entry.toString('hex', 0, 32), archivedBytes, unpackedBytes, type }
  })
}

function encodeVarint(value: number): Buffer {
  const out: number[] = []
  let rest = BigInt(value)
  do {
    const more = rest > 0x7fn
    out.push(Number(rest & 0x7fn) | (more ? 0x80 : 0))
    rest >>= 7n
  } while (rest > 0n)
  return Buffer.from(out)
}

function decodeVarint(bytes: Buffer, start: number, what: string): [value: number, end: number] {
  let value = 0n
  for (let index = 0; index < 10; index++) {
    const byte = bytes[start + index]
    if (byte === undefined) break
    value |= BigInt(byte & 0x7f) << BigInt(7 * index)
    if (byte < 0x80) {
      if (value > BigInt(Number.MAX_SAFE_INTEGER)) break
      return [Number(value), start + index + 1]
    }
  }
  throw corrupt(what, 'bad number')
}
