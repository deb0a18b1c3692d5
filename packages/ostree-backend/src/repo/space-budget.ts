import type { Dir } from '@bootc-sdk/core'
import type { RepoMode } from './api.js'
import type { RepoConfig } from './config.js'
import { noSpace } from './errors.js'

/** How many bytes may be queued between two looks at the file system. */
const recheckBytes = 256 * 1024 * 1024

/**
 * Keeps `core.min-free-space-*` free. Objects that are there already cost nothing, which is only known after
 * they were hashed; so bytes are charged as they come and the file system is asked again when the charge
 * could have used up what was free.
 */
export class SpaceBudget {
  readonly #dir: Dir
  readonly #reserveBytes: number
  readonly #compressed: boolean
  #availableBytes: number
  /** Since the last check. */
  #chargedBytes = 0
  #totalBytes = 0

  private constructor(dir: Dir, reserveBytes: number, availableBytes: number, mode: RepoMode) {
    this.#dir = dir
    this.#reserveBytes = reserveBytes
    this.#availableBytes = availableBytes
    this.#compressed = mode === 'archive'
  }

  static async open(dir: Dir, config: RepoConfig, mode: RepoMode): Promise<SpaceBudget> {
    const { freeBytes, totalBytes } = await dir.space()
    const reserve = config.minFreeBytes(totalBytes)
    return new SpaceBudget(dir, reserve, freeBytes - reserve, mode)
  }

  /**
   * Count content about to be written, in blocks as libostree counts.
   *
   * @throws BootcError `STORE_NO_SPACE` when this object alone cannot fit on the disk; one that only eats into
   *   the reserve may turn out to be there already, and is looked at by `check`
   */
  charge(sizeBytes: number): void {
    if (this.#reserveBytes === 0) return
    const bytes = Math.ceil(sizeBytes / 4096) * 4096
    if (!this.#compressed && bytes > this.#availableBytes + this.#reserveBytes) {
      throw noSpace(bytes, this.#availableBytes)
    }
    this.#chargedBytes += bytes
    this.#totalBytes += bytes
  }

  /** True when `check` should run before more is written. */
  get due(): boolean {
    if (this.#reserveBytes === 0) return false
    return this.#chargedBytes > Math.min(recheckBytes, Math.max(0, this.#availableBytes))
  }

  /**
   * Look at the file system. The last call must come with everything on disk; a transaction that writes no
   * content is never refused.
   *
   * @throws BootcError `STORE_NO_SPACE`
   */
  async check(): Promise<void> {
    if (this.#reserveBytes === 0 || this.#totalBytes === 0) return
    const needBytes = this.#totalBytes
    this.#availableBytes = (await this.#dir.space()).freeBytes - this.#reserveBytes
    this.#chargedBytes = 0
    if (this.#availableBytes < 0) throw noSpace(needBytes, needBytes + this.#availableBytes)
  }
}
