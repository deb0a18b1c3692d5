/**
 * CRC-64 of ISO 3309 as Go's hash/crc64 has it (reflected polynomial 0xd800000000000000), which tar-split keeps of
 * every file. The polynomial has so few bits that a table step touches the upper half only.
 */
const table = new Uint32Array(256)
for (let byte = 0; byte < 256; byte++) {
  let value = BigInt(byte)
  for (let bit = 0; bit < 8; bit++)
    value = (value & 1n) === 1n ? (value >> 1n) ^ 0xd800000000000000n : value >> 1n
  table[byte] = Number(value >> 32n)
}

/** Over bytes that arrive in pieces. */
export class Crc64 {
  #high = 0xffff_ffff
  #low = 0xffff_ffff

  update(chunk: Uint8Array): void {
    let high = this.#high
    let low = this.#low
    for (let i = 0; i < chunk.length; i++) {
      const entry = table[(low ^ chunk[i]!) & 0xff]!
      low = (low >>> 8) | (high << 24)
      high = (high >>> 8) ^ entry
    }
    this.#high = high
    this.#low = low
  }

  /** Eight bytes, big-endian. */
  digest(): Buffer {
    const out = Buffer.alloc(8)
    out.writeUInt32BE(~this.#high >>> 0, 0)
    out.writeUInt32BE(~this.#low >>> 0, 4)
    return out
  }
}
