import { digestMismatch, sizeMismatch } from '../../codec/codec-errors.js'
import { RunningDigest } from '../../codec/hashing.js'
import type { Bytes } from '../../interfaces/common.js'
import { digestAlgorithm } from '../../oci/index.js'
import type { Descriptor } from '../../oci/types.js'

/** The same bytes; the last ones only when digest and size are right. @throws `IMAGE_DIGEST_MISMATCH`, `IMAGE_SIZE_MISMATCH` */
export async function* checkedStream(
  source: Bytes,
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
): AsyncGenerator<Uint8Array> {
  const running = new RunningDigest(digestAlgorithm(digest))
  // Whoever takes the last chunk may make the blob visible: it is held back until all is known.
  let held: Uint8Array | undefined
  for await (const chunk of source) {
    running.update(chunk)
    if (running.bytes > size) throw sizeMismatch(digest, size, running.bytes)
    if (held !== undefined) yield held
    held = Uint8Array.from(chunk)
  }
  if (running.bytes !== size) throw sizeMismatch(digest, size, running.bytes)
  const actual = running.digest()
  if (actual !== digest) throw digestMismatch(digest, actual)
  if (held !== undefined) yield held
}
