import type { ImageTransport } from '../../interfaces/transport.js'
import { archiveCache } from './archive-cache.js'
import type { ArchiveCacheOptions } from './archive-cache.js'
import { parseLayoutName } from './layout-name.js'
import { blobName, rawInLayout, resolveInLayout } from './layout-transport.js'

export type OciArchiveOptions = ArchiveCacheOptions

/**
 * `oci-archive:FILE[:TAG|:@N]`: an OCI layout in a tar archive. The archive is indexed once and its members
 * are read in place; a compressed one is unpacked to a nameless temporary file first, which goes with `close`
 * or with the transport.
 */
export function ociArchiveTransport(
  options: OciArchiveOptions = {},
): ImageTransport & { close(): Promise<void> } {
  const archives = archiveCache(options)
  return {
    name: 'oci-archive',
    transports: ['oci-archive'],
    supports: { range: true, localTree: false },
    async resolve(reference, resolveOptions = {}) {
      const archive = await archives.open(parseLayoutName(reference).path, resolveOptions.signal)
      return resolveInLayout(reference, archive, resolveOptions)
    },
    openLayer({ reference }, layer, layerOptions = {}) {
      return archives.layer(parseLayoutName(reference).path, layer, blobName(layer), layerOptions)
    },
    async openRaw(reference, rawOptions = {}) {
      const { path } = parseLayoutName(reference)
      const archive = await archives.open(path, rawOptions.signal)
      return rawInLayout(reference, archive, (blob, blobOptions = {}) =>
        archives.layer(path, blob, blobName(blob), blobOptions),
      )
    },
    close: () => archives.close(),
  }
}
