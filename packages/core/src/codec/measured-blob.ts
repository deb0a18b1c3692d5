import type { Bytes } from '../interfaces/common.js'
import { digestAlgorithm } from '../oci/digest.js'
import { digestMismatch, sizeMismatch } from './codec-errors.js'
import { RunningDigest } from './hashing.js'
import type { DecodeOptions, ExpectedLayer } from './types.js'

/** The compressed side of a layer: counted and hashed while it passes. */
export class MeasuredBlob {
  readonly bytes: Bytes
  readonly #expected: ExpectedLayer
  readonly #digest: RunningDigest

  constructor(source: Bytes, expected: ExpectedLayer, options: DecodeOptions) {
    this.#expected = expected
    this.#digest = new RunningDigest(digestAlgorithm(expected.digest))
    this.bytes = this.#pass(source, options)
  }

  /** After the last byte. @throws `IMAGE_SIZE_MISMATCH`, `IMAGE_DIGEST_MISMATCH` */
  check(cause?: unknown): void {
    const { digest, sizeBytes } = this.#expected
    if (this.#digest.bytes !== sizeBytes) throw sizeMismatch(digest, sizeBytes, this.#digest.bytes)
    const actual = this.#digest.digest()
    if (actual !== digest) throw digestMismatch(digest, actual, cause)
  }

  async *#pass(source: Bytes, { signal, onBytes }: DecodeOptions): AsyncGenerator<Uint8Array> {
    const { digest, sizeBytes } = this.#expected
    signal?.throwIfAborted()
    for await (const chunk of source) {
      signal?.throwIfAborted()
      const total = this.#digest.bytes + chunk.length
      if (total > sizeBytes) throw sizeMismatch(digest, sizeBytes, total)
      this.#digest.update(chunk)
      onBytes?.(total)
      yield chunk
    }
  }
}
