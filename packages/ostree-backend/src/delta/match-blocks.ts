/** A stretch of the new file: taken from the old one, or new. Offsets in bytes. */
export interface Stretch {
  /** Where it lies in the old file; undefined for new bytes. */
  readonly from?: number
  /** Where it lies in the new file. */
  readonly at: number
  readonly length: number
}

const blockBytes = 64
const prime = 0x01000193

/**
 * What of a new file is in an old one: blocks of the old file are indexed by a rolling hash, and every match is
 * stretched as far as it goes. Any answer is right, since the bytes are compared; a better one makes a smaller delta.
 */
export function matchBlocks(source: Uint8Array, target: Uint8Array): Stretch[] {
  const index = indexBlocks(source)
  const out: Stretch[] = []
  let pending = 0
  let at = 0
  // The hash is a polynomial: the byte that leaves was multiplied this often.
  const leaving = power(prime, blockBytes - 1)
  let hash = target.length >= blockBytes ? hashAt(target, 0) : 0
  while (at + blockBytes <= target.length) {
    const from = index.get(hash)
    if (from !== undefined && equals(source, from, target, at)) {
      let [start, begin] = [at, from]
      while (start > pending && begin > 0 && source[begin - 1] === target[start - 1]) {
        start--
        begin--
      }
      let end = at + blockBytes
      while (end < target.length && source[begin + end - start] === target[end]) end++
      if (start > pending) out.push({ at: pending, length: start - pending })
      out.push({ from: begin, at: start, length: end - start })
      pending = end
      at = end
      if (at + blockBytes <= target.length) hash = hashAt(target, at)
      continue
    }
    if (at + blockBytes === target.length) break
    hash = roll(hash, target[at]!, target[at + blockBytes]!, leaving)
    at++
  }
  if (pending < target.length) out.push({ at: pending, length: target.length - pending })
  return out
}

function indexBlocks(source: Uint8Array): Map<number, number> {
  const index = new Map<number, number>()
  for (let at = 0; at + blockBytes <= source.length; at += blockBytes) {
    const hash = hashAt(source, at)
    if (!index.has(hash)) index.set(hash, at)
  }
  return index
}

function hashAt(bytes: Uint8Array, at: number): number {
  let hash = 0
  for (let index = 0; index < blockBytes; index++) hash = (Math.imul(hash, prime) + bytes[at + index]!) | 0
  return hash
}

function roll(hash: number, leaves: number, enters: number, leaving: number): number {
  return (Math.imul((hash - Math.imul(leaves, leaving)) | 0, prime) + enters) | 0
}

function power(base: number, exponent: number): number {
  let out = 1
  for (let index = 0; index < exponent; index++) out = Math.imul(out, base)
  return out
}

function equals(source: Uint8Array, from: number, target: Uint8Array, at: number): boolean {
  for (let index = 0; index < blockBytes; index++)
    if (source[from + index] !== target[at + index]) return false
  return true
}
