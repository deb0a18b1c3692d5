/** Reflected polynomial of Castagnoli. */
const polynomial = 0x82f63b78

/** Four tables, so that a word is done at a time. */
const tables = makeTables()

/** CRC-32C without the usual inversions, as ext4 has it: `seed` is what came before, ~0 at first. */
export function crc32c(seed: number, bytes: Uint8Array): number {
  const [t0, t1, t2, t3] = tables
  let crc = seed
  const words = bytes.length & ~3
  let i = 0
  for (; i < words; i += 4) {
    crc ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
    crc = t3[crc & 255]! ^ t2[(crc >>> 8) & 255]! ^ t1[(crc >>> 16) & 255]! ^ t0[crc >>> 24]!
  }
  for (; i < bytes.length; i++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[i]!) & 255]!
  return crc >>> 0
}

/** The same for a number of 32 bits, little-endian. */
export function crc32cOfNumber(seed: number, value: number): number {
  const word = Buffer.alloc(4)
  word.writeUInt32LE(value)
  return crc32c(seed, word)
}

function makeTables(): readonly [Int32Array, Int32Array, Int32Array, Int32Array] {
  const [t0, t1, t2, t3] = [0, 1, 2, 3].map(() => new Int32Array(256)) as [
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
  ]
  for (let i = 0; i < 256; i++) {
    let value = i
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? polynomial : 0)
    t0[i] = value
  }
  for (let i = 0; i < 256; i++) {
    t1[i] = (t0[i]! >>> 8) ^ t0[t0[i]! & 255]!
    t2[i] = (t1[i]! >>> 8) ^ t0[t1[i]! & 255]!
    t3[i] = (t2[i]! >>> 8) ^ t0[t2[i]! & 255]!
  }
  return [t0, t1, t2, t3]
}
