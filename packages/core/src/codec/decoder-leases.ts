import type { NativeDecoder } from '@bootc-sdk/native'
import type { Lease } from '../interfaces/store.js'

/**
 * Blocks of a native decoder as leases. The decoder's memory outlives every lease that was handed out,
 * however the reading ended.
 */
export class DecoderLeases {
  readonly #decoder: NativeDecoder
  readonly #stopped: Promise<undefined>
  #resolveStopped!: (value: undefined) => void
  #stopping = false
  #outstanding = 0

  constructor(decoder: NativeDecoder) {
    this.#decoder = decoder
    this.#stopped = new Promise((resolve) => (this.#resolveStopped = resolve))
  }

  /** The next block; undefined after the last one and once stopped. */
  async next(): Promise<Lease | undefined> {
    const block = await this.#unlessStopped(this.#decoder.next())
    if (block === undefined || this.#stopping) return undefined
    this.#outstanding++
    let released = false
    return {
      data: block.buffer,
      release: () => {
        if (released) return
        released = true
        this.#outstanding--
        this.#decoder.release(block.slot)
        this.#closeWhenUnused()
      },
    }
  }

  /** Resolves when more is wanted, and at once when stopped. */
  async push(chunk: Uint8Array): Promise<void> {
    if (!this.#stopping) await this.#unlessStopped(this.#decoder.push(chunk))
  }

  end(): void {
    if (!this.#stopping) this.#decoder.end()
  }

  /** Ends a pending `next` and `push`; memory goes with the last lease. Idempotent. */
  stop(): void {
    if (this.#stopping) return
    this.#stopping = true
    this.#resolveStopped(undefined)
    this.#closeWhenUnused()
  }

  get stopping(): boolean {
    return this.#stopping
  }

  #closeWhenUnused(): void {
    if (this.#stopping && this.#outstanding === 0) this.#decoder.close()
  }

  #unlessStopped<T>(work: Promise<T>): Promise<T | undefined> {
    work.catch(() => undefined) // may fail after nobody waits any more
    return Promise.race([work, this.#stopped])
  }
}
