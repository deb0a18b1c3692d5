import { corrupt } from '../format/errors.js'

/**
 * Apply a patch of bsdiff without its header: records of three numbers (bytes to add, bytes to insert, where the
 * source goes on), each followed by its bytes.
 *
 * @param sizeBytes of the result
 * @throws BootcError `STORE_OSTREE_CORRUPT`
 * @see ostree.md §12.5 in the format documents
 */
export function applyBspatch(source: Uint8Array, patch: Buffer, sizeBytes: number, what: string): Buffer {
  const out = Buffer.alloc(sizeBytes)
  let [at, from, to] = [0, 0, 0]
  while (to < sizeBytes) {
    if (at + 24 > patch.length) throw corrupt(what, 'a patch ends too early')
    const [added, inserted, seek] = [
      readNumber(patch, at),
      readNumber(patch, at + 8),
      readNumber(patch, at + 16),
    ]
    at += 24
    if (added < 0 || inserted < 0 || added > sizeBytes - to || inserted > sizeBytes - to - added) {
      throw corrupt(what, 'a patch makes more than it should')
    }
    if (added + inserted > patch.length - at) throw corrupt(what, 'a patch ends too early')
    for (let index = 0; index < added; index++) {
      const byte = from + index >= 0 && from + index < source.length ? source[from + index]! : 0
      out[to + index] = patch[at + index]! + byte
    }
    at += added
    to += added
    patch.copy(out, to, at, at + inserted)
    at += inserted
    to += inserted
    from += added + seek
    if (!Number.isSafeInteger(from)) throw corrupt(what, 'a patch leaves its source')
    if (added === 0 && inserted === 0 && seek === 0) throw corrupt(what, 'a patch does nothing')
  }
  return out
}

/** Magnitude, little-endian, with the sign in the top bit. */
function readNumber(bytes: Buffer, at: number): number {
  const raw = bytes.readBigUInt64LE(at)
  const magnitude = raw & 0x7fff_ffff_ffff_ffffn
  if (magnitude > BigInt(Number.MAX_SAFE_INTEGER)) return Number.NaN
  return raw >> 63n === 1n ? -Number(magnitude) : Number(magnitude)
}
