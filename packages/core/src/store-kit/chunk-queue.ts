/** Synchronous pushes on one side, an async iterable on the other; the producer watches the bytes. */
export class ChunkQueue implements AsyncIterable<Uint8Array> {
  readonly #chunks: Uint8Array[] = []
  readonly #onTaken: (bytes: number) => void
  #ended = false
  #dropped = false
  #failure: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined

  /** @param onTaken called with the size of every chunk that left the queue */
  constructor(onTaken: (bytes: number) => void) {
    this.#onTaken = onTaken
  }

  push(chunk: Uint8Array): void {
    if (this.#dropped) {
      this.#onTaken(chunk.length)
      return
    }
    this.#chunks.push(chunk)
    this.#wake?.()
  }

  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  /** The reader gets this error after what is queued. */
  fail(error: unknown): void {
    this.#failure ??= { error }
    this.#wake?.()
  }

  /** Nobody reads any more: forget what is queued and what will come. */
  drop(): void {
    this.#dropped = true
    for (const chunk of this.#chunks.splice(0)) this.#onTaken(chunk.length)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = this.#chunks.shift()
      if (chunk !== undefined) {
        this.#onTaken(chunk.length)
        yield chunk
      } else if (this.#failure !== undefined) {
        throw this.#failure.error
      } else if (this.#ended) {
        return
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve))
        this.#wake = undefined
      }
    }
  }
}
