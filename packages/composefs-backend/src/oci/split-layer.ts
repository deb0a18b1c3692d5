import type { TarEntry, TarHandler } from '@bootc-sdk/core/tar'
import type { ObjectId } from '../format/types.js'
import type { ObjectWriter, SplitstreamWriter } from '../repo/api.js'
import { InlineQueue } from './inline-queue.js'

/** Content of regular files up to this many bytes stays in the stream. */
export const maxInlineBytes = 64

const nothing = new Uint8Array(0)

/** Bytes that may wait for the ids of objects before them. */
const maxWaitingBytes = 8 * 1024 * 1024

/**
 * Splits the archive of a layer: content of larger files becomes objects, all other bytes are kept in the
 * splitstream as they are (composefs.md §6.2).
 *
 * Ids of objects come late, so what stands behind an object waits in a queue; `settle` moves on what can be.
 */
export class LayerSplitter implements TarHandler {
  readonly #newWriter: () => ObjectWriter
  readonly #queue: InlineQueue
  #writer: ObjectWriter
  /** Where the data of the current entry goes: nowhere yet, into an object in pieces, or inline. */
  #target: 'object' | 'open' | 'inline' = 'inline'
  #sizeBytes = 0
  #openIndex = 0
  #entries = 0
  /** First piece of inline bytes that were not passed on, and the end of the last one in its buffer. */
  #run: Uint8Array = nothing
  #runEnd = 0

  /** @param newWriter may be asked for another one when too much waits */
  constructor(stream: SplitstreamWriter, newWriter: () => ObjectWriter) {
    this.#newWriter = newWriter
    this.#writer = newWriter()
    this.#queue = new InlineQueue(stream)
  }

  get entries(): number {
    return this.#entries
  }

  raw(bytes: Uint8Array): void {
    this.#inline(bytes)
  }

  entry({ sizeBytes, typeFlag }: TarEntry): void {
    this.#entries++
    this.#sizeBytes = sizeBytes
    this.#target = isRegular(typeFlag) && sizeBytes > maxInlineBytes ? 'object' : 'inline'
  }

  data(chunk: Uint8Array): void {
    switch (this.#target) {
      case 'inline':
        this.#inline(chunk)
        return
      case 'object':
        this.flush()
        this.#queue.external(this.#sizeBytes)
        if (chunk.length === this.#sizeBytes) {
          this.#writer.put(chunk)
          return
        }
        this.#openIndex = this.#writer.begin(this.#sizeBytes)
        this.#target = 'open'
        this.#writer.data(this.#openIndex, chunk)
        return
      case 'open':
        this.#writer.data(this.#openIndex, chunk)
    }
  }

  end(): void {
    if (this.#target === 'open') this.#writer.end(this.#openIndex)
    this.#target = 'inline'
  }

  /** Between chunks: wait while the writer is busy, then move on what became known. */
  async settle(): Promise<void> {
    if (this.#writer.full) await this.#writer.drain()
    this.#queue.settle(this.#writer.take())
    // Small files behind a large one that is still being hashed: stop reading until all is known. Never in
    // the middle of a file.
    if (this.#queue.waitingBytes > maxWaitingBytes && this.#target !== 'open') {
      this.#queue.settle(await this.#finishWriter())
      this.#writer = this.#newWriter()
    }
  }

  /** After the archive's end: all bytes are in the stream. */
  async finish(): Promise<void> {
    this.#queue.settle(await this.#finishWriter())
  }

  /** Idempotent. */
  close(): void {
    this.#writer.close()
  }

  /** Headers, small contents and padding of several members mostly follow each other in memory. */
  #inline(bytes: Uint8Array): void {
    const { buffer, byteOffset, length } = bytes
    if (buffer === this.#run.buffer && byteOffset === this.#runEnd) {
      this.#runEnd += length
      return
    }
    this.flush()
    // The parser's own block is filled anew before the chunk is done; views of chunks are not.
    if (length === buffer.byteLength) {
      this.#queue.inline(bytes)
      return
    }
    this.#run = bytes
    this.#runEnd = byteOffset + length
  }

  /** To be called after each chunk, whose memory may be used again then. */
  flush(): void {
    const { buffer, byteOffset } = this.#run
    if (this.#runEnd > byteOffset) {
      this.#queue.inline(new Uint8Array(buffer, byteOffset, this.#runEnd - byteOffset))
    }
    this.#run = nothing
    this.#runEnd = 0
  }

  async #finishWriter(): Promise<readonly ObjectId[]> {
    try {
      return await this.#writer.finish()
    } finally {
      this.#writer.close()
    }
  }
}

/** Types `0`, NUL and `7`. */
function isRegular(typeFlag: number): boolean {
  return typeFlag === 0x30 || typeFlag === 0 || typeFlag === 0x37
}
