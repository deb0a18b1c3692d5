import type { ImageDestination } from '../interfaces/destination.js'
import type { ImageTransport } from '../interfaces/transport.js'
import { dirDestination } from './destinations/dir-destination.js'
import { dockerArchiveDestination } from './destinations/docker-archive-destination.js'
import { ociArchiveDestination } from './destinations/oci-archive-destination.js'
import { ociDestination } from './destinations/oci-destination.js'

/** What core can write to: `oci`, `oci-archive`, `docker-archive`, `dir`, and the registries of the transports that are given. */
export function defaultDestinations(transports: readonly ImageTransport[]): ImageDestination[] {
  const registries = transports.flatMap((transport) =>
    'destination' in transport ? [transport.destination as ImageDestination] : [],
  )
  return [
    ...registries,
    ociDestination(),
    ociArchiveDestination(),
    dockerArchiveDestination(),
    dirDestination(),
  ]
}
