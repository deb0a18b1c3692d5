import { ioConcurrency } from './map-limit.js'

/** What may wait in memory before a writer calls itself full. */
const maxQueuedBytes = 32 * 1024 * 1024

/**
 * The work of a writer that takes objects synchronously and stores them through a `Dir`: some tasks at a time, an
 * account of the bytes that wait, and the first failure, after which nothing new is worth doing.
 */
export class WriteTasks {
  readonly #tasks = new Set<Promise<void>>()
  readonly #waiting: (() => Promise<void>)[] = []
  readonly #sleepers: (() => void)[] = []
  #queuedBytes = 0
  #failure: { readonly error: unknown } | undefined

  /** The first one. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure
  }

  get full(): boolean {
    return this.#queuedBytes > maxQueuedBytes || this.#failure !== undefined
  }

  /** Bytes that wait from now on, until `taken`. */
  queued(bytes: number): void {
    this.#queuedBytes += bytes
  }

  taken(bytes: number): void {
    this.#queuedBytes -= bytes
    this.#changed()
  }

  fail(error: unknown): void {
    this.#failure ??= { error }
    this.#changed()
  }

  /** Do this when its turn comes; `bytes` wait until it has ended. A failure is remembered. */
  run(bytes: number, work: () => Promise<void>): void {
    this.#queuedBytes += bytes
    const start = () => {
      const task = work()
        .catch((error: unknown) => {
          this.#failure ??= { error }
        })
        .then(() => {
          this.#queuedBytes -= bytes
          this.#tasks.delete(task)
          void this.#waiting.shift()?.()
          this.#changed()
        })
      this.#tasks.add(task)
      return task
    }
    if (this.#tasks.size < ioConcurrency) void start()
    else this.#waiting.push(start)
  }

  /** Until half of what may wait is free again, or something failed. */
  async drain(): Promise<void> {
    while (this.#queuedBytes > maxQueuedBytes / 2 && this.#failure === undefined) await this.#step()
  }

  /** Until every task has ended, failed or not. */
  async idle(): Promise<void> {
    while (this.#tasks.size > 0) await this.#step()
  }

  /** Until a chunk was taken, a task ended or something failed. */
  #step(): Promise<void> {
    return new Promise((resolve) => this.#sleepers.push(resolve))
  }

  #changed(): void {
    for (const wake of this.#sleepers.splice(0)) wake()
  }
}
