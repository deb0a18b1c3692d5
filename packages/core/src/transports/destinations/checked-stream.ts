import type { Bytes } from '../../interfaces/common.js'
import type { Descriptor } from '../../oci/types.js'
import { BlobCheck } from './blob-check.js'

/**
 * The same bytes; the last ones only when digest and size are right.
 *
 * @param check keeps what was hashed for somebody who reads the rest again
 * @throws `IMAGE_DIGEST_MISMATCH`, `IMAGE_SIZE_MISMATCH`
 */
export async function* checkedStream(
  source: Bytes,
  blob: Pick<Descriptor, 'digest' | 'size'>,
  check: BlobCheck = new BlobCheck(blob),
): AsyncGenerator<Uint8Array> {
  // Whoever takes the last byte may make the blob visible: it is held back until all is known.
  let held: Uint8Array | undefined
  let at = 0
  for await (const chunk of source) {
    check.update(chunk, at)
    at += chunk.length
    if (at < blob.size) yield chunk
    // The source may use its buffer again before it says that this was all.
    else if (chunk.length > 0) held = Uint8Array.from(chunk)
  }
  check.finish()
  if (held !== undefined) yield held
}
