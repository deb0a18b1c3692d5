import { BootcError } from '../errors.js'
import type { ImageTransport, OpOptions, ResolvedImage } from '../interfaces/index.js'
import type { ImageReference, TransportName } from '../oci/reference.js'
import type { Platform } from '../oci/types.js'

/** The first transport that serves a reference. @throws BootcError `TRANSPORT_UNSUPPORTED` */
export function transportFor(transports: readonly ImageTransport[], name: TransportName): ImageTransport {
  const found = transports.find((transport) => transport.transports.includes(name))
  if (found !== undefined) return found
  throw new BootcError('TRANSPORT_UNSUPPORTED', `no transport for ${name} was given`, {
    details: { transport: name, available: transports.flatMap((transport) => transport.transports) },
  })
}

/** Manifest and config of a reference; no layer byte is read. */
export async function resolveImage(
  transports: readonly ImageTransport[],
  reference: ImageReference,
  options: OpOptions & { platform?: Platform | undefined } = {},
): Promise<ResolvedImage> {
  options.signal?.throwIfAborted()
  const transport = transportFor(transports, reference.transport)
  const { platform, ...rest } = options
  return transport.resolve(reference, platform === undefined ? rest : { ...rest, platform })
}
