import { isBootcError } from '../errors.js'
import type { OpOptions } from '../interfaces/common.js'
import type { ImageTransport, StoredImage } from '../interfaces/index.js'
import { canonicalReference } from '../oci/index.js'
import type { ImageReference } from '../oci/reference.js'
import type { Platform } from '../oci/types.js'
import { transportFor } from './resolve-image.js'

/**
 * Whether a reference still means an image that is stored, where the source can tell without sending its manifest.
 * False where it cannot tell: then it has to be resolved.
 *
 * @throws BootcError `TRANSPORT_UNREACHABLE`, `TRANSPORT_TLS`: asking again would only take longer
 */
export async function isStillNamed(
  transports: readonly ImageTransport[],
  reference: ImageReference,
  known: Pick<StoredImage, 'manifestDigest'>,
  options: OpOptions & { platform?: Platform | undefined },
): Promise<boolean> {
  const transport = transportFor(transports, reference.transport)
  const { signal, platform } = options
  try {
    const digest = await transport.askDigest?.(canonicalReference(reference), {
      signal,
      ...(platform === undefined ? {} : { platform }),
    })
    return digest === known.manifestDigest
  } catch (error) {
    signal?.throwIfAborted()
    if (isBootcError(error, 'TRANSPORT_UNREACHABLE') || isBootcError(error, 'TRANSPORT_TLS')) throw error
    return false
  }
}
