import { BootcError, isBootcError, type Dir, type OpOptions } from '@bootc-sdk/core'

/** As long as libostree waits. composefs-rs waits for ever. */
const defaultTimeoutMs = 300_000

const notLocked: AsyncDisposable = { [Symbol.asyncDispose]: () => Promise.resolve() }

/**
 * The lock of a repository: flock(2) on its directory, shared while it is open (or, for programs that keep it
 * open for long, while it is written), exclusive while objects are deleted, as composefs-rs takes it.
 *
 * To convert a lock is to drop it and take the other kind; flock itself does no more (flock(2): "the existing
 * lock is first removed"), so nothing is lost by taking it through another descriptor.
 */
export class RepoLock implements AsyncDisposable {
  readonly #dir: Dir
  #held: AsyncDisposable
  /** Shared all the time, not only while something is written. */
  readonly #always: boolean

  private constructor(dir: Dir, held: AsyncDisposable, always: boolean) {
    this.#dir = dir
    this.#held = held
    this.#always = always
  }

  static async shared(dir: Dir, options: OpOptions = {}): Promise<RepoLock> {
    return new RepoLock(dir, await take(dir, false, defaultTimeoutMs, options), true)
  }

  /** Nothing is held until it is asked for. */
  static whenWriting(dir: Dir): RepoLock {
    return new RepoLock(dir, notLocked, false)
  }

  /** What a writer holds until its end. @throws BootcError `STORE_COMPOSEFS_LOCKED` */
  share(options: OpOptions): Promise<AsyncDisposable> {
    return this.#always ? Promise.resolve(notLocked) : take(this.#dir, false, defaultTimeoutMs, options)
  }

  /**
   * Run `work` with the lock held exclusively, then share it again.
   *
   * @throws BootcError `STORE_COMPOSEFS_LOCKED`
   */
  async exclusively<T>(
    work: () => Promise<T>,
    options: OpOptions & { readonly timeoutMs?: number | undefined } = {},
  ): Promise<T> {
    const { timeoutMs = defaultTimeoutMs } = options
    await this.#held[Symbol.asyncDispose]()
    this.#held = notLocked
    try {
      this.#held = await take(this.#dir, true, timeoutMs, options)
      return await work()
    } finally {
      await this.#held[Symbol.asyncDispose]()
      this.#held = notLocked
      // Nobody holds it exclusively for long; and without it this repository could not be used any more.
      if (this.#always) this.#held = await take(this.#dir, false, undefined, {})
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#held[Symbol.asyncDispose]()
  }
}

async function take(
  dir: Dir,
  exclusive: boolean,
  timeoutMs: number | undefined,
  { signal, onProgress }: OpOptions,
): Promise<AsyncDisposable> {
  try {
    return await dir.lock('', {
      exclusive,
      signal,
      onProgress,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    })
  } catch (error) {
    // A file system that cannot be written is not collected either.
    if (!exclusive && isBootcError(error, 'TREE_READ_ONLY')) return notLocked
    if (!isBootcError(error, 'TREE_LOCKED')) throw error
    throw new BootcError('STORE_COMPOSEFS_LOCKED', 'repository is locked by another process', {
      details: { path: dir.hostPath ?? '.', timeoutMs: timeoutMs ?? 0 },
      cause: error,
    })
  }
}
