import type { Bytes } from '../../interfaces/common.js'

/** Cuts a stream into parts of a wanted size. */
export class ChunkReader {
  readonly #source: AsyncIterator<Uint8Array>
  #rest: Uint8Array = new Uint8Array(0)

  constructor(source: Bytes) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** @returns `sizeBytes` bytes, fewer only at the end */
  async read(sizeBytes: number): Promise<Buffer> {
    const parts: Uint8Array[] = []
    let missing = sizeBytes
    while (missing > 0) {
      if (this.#rest.length === 0) {
        const { value, done } = (await this.#source.next()) as IteratorResult<Uint8Array, undefined>
        if (done === true) break
        // What sources hand out may be theirs again by the next read.
        this.#rest = Uint8Array.from(value)
      }
      const part = this.#rest.subarray(0, missing)
      this.#rest = this.#rest.subarray(part.length)
      parts.push(part)
      missing -= part.length
    }
    return Buffer.concat(parts)
  }

  /** Let go of the source. */
  async close(): Promise<void> {
    await this.#source.return?.()
  }
}
