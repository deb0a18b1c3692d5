import { badStream } from './errors.js'

/** An inline run (or a part of one), or the number of an object in `object_refs`. */
export type SplitstreamPiece = { readonly inline: Uint8Array } | { readonly index: number }

/**
 * Cuts the decompressed stream of a splitstream into pieces: 64-bit little-endian numbers, negative for as many
 * inline bytes that follow, else the number of an object. Long inline runs come out as they come in, so that
 * memory does not depend on what a number claims.
 */
export class PieceParser {
  readonly #stream: string
  readonly #objects: number
  readonly #maxInlineBytes: number
  readonly #number = Buffer.alloc(8)
  #numberBytes = 0
  #inlineLeft = 0
  /** Inline bytes announced so far. */
  #inlineBytes = 0

  /**
   * @param objects length of `object_refs`
   * @param maxInlineBytes the declared size of the original: no more inline bytes are accepted
   */
  constructor(stream: string, objects: number, maxInlineBytes: number) {
    this.#stream = stream
    this.#objects = objects
    this.#maxInlineBytes = maxInlineBytes
  }

  /**
   * Take the next chunk in. Inline pieces are views of it.
   *
   * @throws BootcError `STORE_COMPOSEFS_BAD_STREAM`
   */
  *push(chunk: Uint8Array): Generator<SplitstreamPiece, void, undefined> {
    let at = 0
    while (at < chunk.length) {
      if (this.#inlineLeft > 0) {
        const inline = chunk.subarray(at, at + this.#inlineLeft)
        this.#inlineLeft -= inline.length
        at += inline.length
        yield { inline }
        continue
      }
      const part = chunk.subarray(at, at + 8 - this.#numberBytes)
      this.#number.set(part, this.#numberBytes)
      this.#numberBytes += part.length
      at += part.length
      if (this.#numberBytes < 8) return
      this.#numberBytes = 0
      const index = this.#take(this.#number.readInt32LE(4), this.#number.readUInt32LE(0))
      if (index >= 0) yield { index }
    }
  }

  /** @throws BootcError `STORE_COMPOSEFS_BAD_STREAM` when something is missing */
  end(): void {
    if (this.#inlineLeft > 0 || this.#numberBytes > 0) throw badStream(this.#stream, 'ends in a piece')
  }

  /** @returns the number of an object, or -1 and inline bytes follow */
  #take(high: number, low: number): number {
    // Exact up to 2^53; larger ones fail the comparisons in any case.
    const value = high * 0x1_0000_0000 + low
    if (value >= 0) {
      if (value >= this.#objects) throw badStream(this.#stream, `no object has the number ${value}`)
      return value
    }
    this.#inlineBytes -= value
    if (this.#inlineBytes > this.#maxInlineBytes) {
      throw badStream(this.#stream, `holds more than its size of ${this.#maxInlineBytes} bytes`)
    }
    this.#inlineLeft = -value
    return -1
  }
}
