import { createHash } from 'node:crypto'
import { digestMismatch, sizeMismatch } from '../../codec/codec-errors.js'
import type { Bytes } from '../../interfaces/common.js'
import { digestAlgorithm } from '../../oci/index.js'
import type { Descriptor } from '../../oci/types.js'

/** The same bytes; the last ones only when digest and size are right. @throws `IMAGE_DIGEST_MISMATCH`, `IMAGE_SIZE_MISMATCH` */
export async function* checkedStream(
  source: Bytes,
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
  onBytes?: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  const hash = createHash(digestAlgorithm(digest))
  let bytes = 0
  // Whoever takes the last chunk may make the blob visible: it is held back until all is known.
  let held: Uint8Array | undefined
  for await (const chunk of source) {
    hash.update(chunk)
    bytes += chunk.length
    if (bytes > size) throw sizeMismatch(digest, size, bytes)
    if (held !== undefined) yield held
    held = Uint8Array.from(chunk)
    onBytes?.(bytes)
  }
  if (bytes !== size) throw sizeMismatch(digest, size, bytes)
  const actual = `${digestAlgorithm(digest)}:${hash.digest('hex')}`
  if (actual !== digest) throw digestMismatch(digest, actual)
  if (held !== undefined) yield held
}
