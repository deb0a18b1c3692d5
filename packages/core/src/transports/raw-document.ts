import type { RawDocument } from '../interfaces/raw-image.js'
import { detectMediaType, sha256Digest, verifyDigest } from '../oci/index.js'
import type { Descriptor } from '../oci/types.js'
import type { ServedDocument } from './resolve-image.js'

/**
 * @param expected what led to it
 * @throws `IMAGE_DIGEST_MISMATCH`, `IMAGE_SIZE_MISMATCH`, `IMAGE_MEDIA_TYPE_MISMATCH`
 */
export function rawDocument(
  { bytes, contentType }: ServedDocument,
  expected?: { readonly digest: Descriptor['digest']; readonly size?: number },
): RawDocument {
  if (expected !== undefined) verifyDigest(bytes, expected.digest, expected.size)
  const digest = expected?.digest ?? sha256Digest(bytes)
  return { bytes, digest, mediaType: detectMediaType(bytes, contentType) }
}
