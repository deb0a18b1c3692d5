import { createHash } from 'node:crypto'
import type { Hash } from 'node:crypto'
import type { Bytes, Digest } from '../interfaces/common.js'

/** Digest over bytes that arrive in pieces. */
export class RunningDigest {
  readonly #algorithm: 'sha256' | 'sha512'
  readonly #hash: Hash
  bytes = 0

  constructor(algorithm: 'sha256' | 'sha512' = 'sha256') {
    this.#algorithm = algorithm
    this.#hash = createHash(algorithm)
  }

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk)
    this.bytes += chunk.length
  }

  /** Once, after the last update. */
  digest(): Digest {
    return `${this.#algorithm}:${this.#hash.digest('hex')}`
  }
}

/**
 * Pass a stream on and know its digest afterwards.
 *
 * @returns `bytes` to be read once; `result` after that: digest and byte count of what was read
 */
export function hashing(
  source: Bytes,
  algorithm: 'sha256' | 'sha512' = 'sha256',
): { readonly bytes: Bytes; result(): { readonly digest: Digest; readonly sizeBytes: number } } {
  const running = new RunningDigest(algorithm)
  let result: { readonly digest: Digest; readonly sizeBytes: number } | undefined
  async function* pass(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      running.update(chunk)
      yield chunk
    }
  }
  return { bytes: pass(), result: () => (result ??= { digest: running.digest(), sizeBytes: running.bytes }) }
}
