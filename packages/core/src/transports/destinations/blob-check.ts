import { digestMismatch, sizeMismatch } from '../../codec/codec-errors.js'
import { RunningDigest } from '../../codec/hashing.js'
import type { Digest } from '../../interfaces/common.js'
import { digestAlgorithm } from '../../oci/index.js'

/** What is known of a blob before it was read. */
export interface ExpectedBlob {
  readonly digest?: Digest | undefined
  readonly size?: number | undefined
}

/** Hashes a blob that may be read from several starts: what was seen already is passed over. */
export class BlobCheck {
  readonly #expected: ExpectedBlob
  readonly #running: RunningDigest
  #found: { readonly digest: Digest; readonly size: number } | undefined

  constructor(expected: ExpectedBlob) {
    this.#expected = expected
    this.#running = new RunningDigest(
      expected.digest === undefined ? 'sha256' : digestAlgorithm(expected.digest),
    )
  }

  /** From the first byte on. */
  get hashedBytes(): number {
    return this.#running.bytes
  }

  /**
   * @param at where in the blob the chunk begins; at most where the hashed part ends
   * @throws `IMAGE_SIZE_MISMATCH` as soon as there are too many bytes
   */
  update(chunk: Uint8Array, at: number): void {
    const { digest, size } = this.#expected
    const fresh = chunk.subarray(this.#running.bytes - at)
    if (fresh.length === 0) return
    this.#running.update(fresh)
    const { bytes } = this.#running
    if (size !== undefined && bytes > size) throw sizeMismatch(digest ?? 'sha256:', size, bytes)
  }

  /** After the last byte. @throws `IMAGE_SIZE_MISMATCH`, `IMAGE_DIGEST_MISMATCH` */
  finish(): { readonly digest: Digest; readonly size: number } {
    if (this.#found !== undefined) return this.#found
    const { digest, size } = this.#expected
    const { bytes } = this.#running
    if (size !== undefined && bytes !== size) throw sizeMismatch(digest ?? 'sha256:', size, bytes)
    const actual = this.#running.digest()
    if (digest !== undefined && actual !== digest) throw digestMismatch(digest, actual)
    return (this.#found = { digest: actual, size: bytes })
  }
}
