/** Bytes that must be equal for two places to be looked at. */
export const seedBytes = 16
/** Every so many bytes of the old file there is a seed. */
const strideBytes = 4
/** Places that are tried for one seed: runs of equal bytes have thousands. */
const maxTries = 8

/**
 * Finds places of the old file that begin like a place of the new one: a hash table of short stretches, with the
 * older entries of a slot in a chain.
 */
export class SeedIndex {
  readonly #source: Buffer
  readonly #heads: Int32Array
  readonly #chain: Int32Array
  readonly #shift: number

  constructor(source: Buffer) {
    this.#source = source
    const count = Math.max(0, Math.floor((source.length - seedBytes) / strideBytes) + 1)
    const bits = Math.max(8, Math.min(22, Math.ceil(Math.log2(count + 1))))
    this.#shift = 32 - bits
    this.#heads = new Int32Array(1 << bits).fill(-1)
    this.#chain = new Int32Array(count).fill(-1)
    for (let index = count - 1; index >= 0; index--) {
      const slot = hash(source, index * strideBytes) >>> this.#shift
      this.#chain[index] = this.#heads[slot]!
      this.#heads[slot] = index
    }
  }

  /** The longest stretch that is found; length 0 for none. `at + seedBytes` lies within the target. */
  find(target: Buffer, at: number): { from: number; length: number } {
    const source = this.#source
    let best = { from: 0, length: 0 }
    let index = this.#heads[hash(target, at) >>> this.#shift]!
    for (let tries = 0; index >= 0 && tries < maxTries; tries++) {
      const from = index * strideBytes
      const length = equalRun(source, from, target, at)
      if (length >= seedBytes && length > best.length) best = { from, length }
      index = this.#chain[index]!
    }
    return best
  }
}

/** How many bytes from there on are equal; none before the beginning of the old file. */
export function equalRun(source: Buffer, from: number, target: Buffer, at: number): number {
  if (from < 0) return 0
  let length = 0
  while (
    from + length < source.length &&
    at + length < target.length &&
    source[from + length] === target[at + length]
  ) {
    length++
  }
  return length
}

function hash(bytes: Buffer, at: number): number {
  let value = Math.imul(bytes.readInt32LE(at), 0x9e3779b1)
  value = Math.imul(value ^ bytes.readInt32LE(at + 4), 0x85ebca6b)
  value = Math.imul((value ^ (value >>> 15)) + bytes.readInt32LE(at + 8), 0xc2b2ae35)
  return Math.imul(value ^ (value >>> 13) ^ bytes.readInt32LE(at + 12), 0x27d4eb2f)
}
