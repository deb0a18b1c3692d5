import type { ObjectId } from '../format/types.js'
import type { SplitstreamWriter } from '../repo/api.js'

const slabBytes = 64 * 1024

/**
 * Keeps the order of a splitstream while ids of objects are missing: inline bytes behind an object are copied
 * and wait for its id. With nothing waiting they go straight through.
 */
export class InlineQueue {
  readonly #stream: SplitstreamWriter
  /** Sizes of objects (numbers) and runs of inline bytes; those before `#head` are done. */
  #items: (number | Uint8Array)[] = []
  #head = 0
  #slab = Buffer.alloc(0)
  #slabUsed = 0
  /** Start of the run in the slab that is not in `#items` yet. */
  #runStart = 0
  #waitingBytes = 0

  constructor(stream: SplitstreamWriter) {
    this.#stream = stream
  }

  /** Bytes held by this queue. */
  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** `bytes` belong to the caller again afterwards. */
  inline(bytes: Uint8Array): void {
    if (this.#items.length === 0) {
      this.#stream.inline(bytes)
      return
    }
    this.#waitingBytes += bytes.length
    for (let at = 0; at < bytes.length;) {
      if (this.#slabUsed === this.#slab.length) this.#newSlab()
      const step = Math.min(bytes.length - at, this.#slab.length - this.#slabUsed)
      this.#slab.set(bytes.subarray(at, at + step), this.#slabUsed)
      this.#slabUsed += step
      at += step
    }
  }

  external(sizeBytes: number): void {
    this.#closeRun()
    this.#items.push(sizeBytes)
  }

  /** Ids of the next objects in order. */
  settle(ids: readonly ObjectId[]): void {
    if (ids.length === 0) return
    for (const id of ids) {
      this.#stream.external(id, this.#items[this.#head++] as number)
      for (let item; typeof (item = this.#items[this.#head]) === 'object'; this.#head++) this.#emit(item)
    }
    if (this.#head < this.#items.length) {
      if (this.#head > 4096) {
        this.#items = this.#items.slice(this.#head)
        this.#head = 0
      }
      return
    }
    this.#items = []
    this.#head = 0
    if (this.#slabUsed > this.#runStart) this.#emit(this.#slab.subarray(this.#runStart, this.#slabUsed))
    // The stream has taken all of it.
    this.#slabUsed = this.#runStart = 0
  }

  #emit(run: Uint8Array): void {
    this.#waitingBytes -= run.length
    this.#stream.inline(run)
  }

  #newSlab(): void {
    this.#closeRun()
    this.#slab = Buffer.allocUnsafeSlow(slabBytes)
    this.#slabUsed = this.#runStart = 0
  }

  #closeRun(): void {
    if (this.#slabUsed > this.#runStart) this.#items.push(this.#slab.subarray(this.#runStart, this.#slabUsed))
    this.#runStart = this.#slabUsed
  }
}
