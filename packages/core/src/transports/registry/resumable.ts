import { digestMismatch } from '../../codec/codec-errors.js'
import { RunningDigest } from '../../codec/hashing.js'
import type { Bytes } from '../../interfaces/common.js'
import { digestAlgorithm } from '../../oci/index.js'
import type { Descriptor } from '../../oci/types.js'
import type { PartialBlobs } from './partial-blobs.js'

export interface ResumableOptions {
  readonly descriptor: Descriptor
  /** Absent: nothing is kept. */
  readonly kept: PartialBlobs | undefined
  /** The blob from this byte on. */
  readonly openFrom: (start: number) => Bytes
  readonly onResume?: ((keptBytes: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * A blob of which an earlier try may have left a beginning: that is read from its file, the rest is fetched and put
 * behind it. The digest of a blob that was put together so is checked here, so that bad bytes are not kept for good.
 *
 * @throws `IMAGE_DIGEST_MISMATCH` (nothing is kept then: the next try fetches everything); what `openFrom` throws
 */
export async function* resumable(options: ResumableOptions): AsyncGenerator<Uint8Array> {
  const { descriptor, openFrom, signal } = options
  await using file = await options.kept?.open(descriptor)
  if (file === undefined) return yield* openFrom(0)
  let position = 0
  const digest = file.keptBytes > 0 ? new RunningDigest(digestAlgorithm(descriptor.digest)) : undefined
  if (digest !== undefined) {
    options.onResume?.(file.keptBytes)
    for await (const chunk of file.read()) {
      signal?.throwIfAborted()
      digest.update(chunk)
      position += chunk.length
      yield chunk
    }
  }
  if (position < descriptor.size) {
    for await (const chunk of openFrom(position)) {
      digest?.update(chunk)
      const behind = file.append(chunk)
      if (behind) await behind
      yield chunk
    }
  }
  const actual = digest?.digest()
  if (actual === undefined || actual === descriptor.digest) return
  await file.drop()
  throw digestMismatch(descriptor.digest, actual)
}
