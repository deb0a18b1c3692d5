import { BootcError } from '../errors.js'
import type { Bytes, Digest } from '../interfaces/common.js'
import { digestAlgorithm } from '../oci/digest.js'
import { digestMismatch, sizeMismatch } from './codec-errors.js'
import { RunningDigest } from './hashing.js'

/** Manifests, configs and other documents: what containers/image allows too. */
export const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024

/**
 * Read a small blob whole and check it.
 *
 * @param expected `sizeBytes` is left out where nobody stated it (a manifest asked for by digest)
 * @param options `maxBytes`: default 4 MiB
 * @throws `IMAGE_SIZE_MISMATCH`, `IMAGE_DIGEST_MISMATCH`, `IMAGE_TOO_LARGE`
 */
export async function verifyBlob(
  bytes: Bytes,
  expected: { readonly digest: Digest; readonly sizeBytes?: number },
  options: { readonly maxBytes?: number; readonly signal?: AbortSignal | undefined } = {},
): Promise<Uint8Array> {
  const { digest, sizeBytes } = expected
  const maxBytes = options.maxBytes ?? MAX_DOCUMENT_BYTES
  if (sizeBytes !== undefined && sizeBytes > maxBytes) throw tooLarge(digest, maxBytes)
  const running = new RunningDigest(digestAlgorithm(digest))
  const chunks: Uint8Array[] = []
  for await (const chunk of bytes) {
    options.signal?.throwIfAborted()
    running.update(chunk)
    if (sizeBytes !== undefined && running.bytes > sizeBytes) {
      throw sizeMismatch(digest, sizeBytes, running.bytes)
    }
    if (running.bytes > maxBytes) throw tooLarge(digest, maxBytes)
    chunks.push(chunk)
  }
  if (sizeBytes !== undefined && running.bytes !== sizeBytes) {
    throw sizeMismatch(digest, sizeBytes, running.bytes)
  }
  const actual = running.digest()
  if (actual !== digest) throw digestMismatch(digest, actual)
  return Buffer.concat(chunks)
}

function tooLarge(digest: string, limitBytes: number): BootcError {
  return new BootcError('IMAGE_TOO_LARGE', `${digest} is larger than ${limitBytes} bytes`, {
    details: { digest, limitBytes },
  })
}
