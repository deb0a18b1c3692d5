import type { Bytes } from '../interfaces/common.js'

/** Reads exact amounts from a stream of chunks, and whole chunks where amounts do not matter. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>
  #buffer: Uint8Array = new Uint8Array(0)
  #done = false
  #pending = false

  constructor(bytes: Bytes) {
    this.#chunks = bytes[Symbol.asyncIterator]()
  }

  /** The next `count` bytes without taking them; fewer only at the end. */
  async peek(count: number): Promise<Uint8Array> {
    while (this.#buffer.length < count) {
      const chunk = await this.#pull()
      if (chunk === undefined) break
      this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk])
    }
    return this.#buffer.subarray(0, count)
  }

  /** Take exactly `count` bytes; undefined when the stream ends before. */
  async take(count: number): Promise<Uint8Array | undefined> {
    const bytes = await this.peek(count)
    if (bytes.length < count) return undefined
    this.#buffer = this.#buffer.subarray(count)
    return bytes
  }

  /** Take whatever comes next, never empty; undefined at the end. */
  async chunk(): Promise<Uint8Array | undefined> {
    if (this.#buffer.length === 0) return this.#pull()
    const chunk = this.#buffer
    this.#buffer = new Uint8Array(0)
    return chunk
  }

  /** Give back the tail of what was taken last. */
  unread(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#buffer = this.#buffer.length === 0 ? bytes : Buffer.concat([bytes, this.#buffer])
  }

  /** Read and forget everything that is left. */
  async drain(): Promise<void> {
    while ((await this.chunk()) !== undefined);
  }

  /** Let the producer clean up. Not awaited while a read hangs: its own signal or stall limit ends it. */
  async close(): Promise<void> {
    const closing = this.#chunks.return?.(undefined)
    if (closing === undefined) return
    if (this.#pending) closing.catch(() => undefined)
    else await closing
  }

  async #pull(): Promise<Uint8Array | undefined> {
    while (!this.#done) {
      this.#pending = true
      try {
        const result = await this.#chunks.next()
        if (result.done) this.#done = true
        else if (result.value.length > 0) return result.value
      } finally {
        this.#pending = false
      }
    }
    return undefined
  }
}
