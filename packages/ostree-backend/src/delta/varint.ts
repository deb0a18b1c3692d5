import { corrupt } from '../format/errors.js'

/** Numbers of operations: seven bits a byte, lowest first (LEB128). */
export function encodeVarint(value: number): Buffer {
  const out: number[] = []
  let left = value
  do {
    const bits = left % 128
    left = Math.floor(left / 128)
    out.push(left > 0 ? bits | 0x80 : bits)
  } while (left > 0)
  return Buffer.from(out)
}

/** Reads a list of operations. */
export class OperationReader {
  readonly #bytes: Uint8Array
  readonly #what: string
  #at = 0

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes
    this.#what = what
  }

  /** Code of the next operation; undefined at the end. */
  code(): number | undefined {
    return this.#bytes[this.#at++]
  }

  /** @throws BootcError `STORE_OSTREE_CORRUPT` */
  number(): number {
    let [value, scale] = [0, 1]
    for (;;) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) throw corrupt(this.#what, 'its operations end in the middle of a number')
      value += (byte & 0x7f) * scale
      if (value > Number.MAX_SAFE_INTEGER)
        throw corrupt(this.#what, 'its operations hold a number that is too large')
      if (byte < 0x80) return value
      scale *= 128
    }
  }
}
