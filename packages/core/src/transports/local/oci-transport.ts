import type { BlobSource, ImageTransport } from '../../interfaces/transport.js'
import type { ImageReference } from '../../oci/reference.js'
import type { Descriptor } from '../../oci/types.js'
import { directoryLocator } from './file-locator.js'
import { parseLayoutName } from './layout-name.js'
import { blobName, localLayer, rawInLayout, resolveInLayout } from './layout-transport.js'

/**
 * `oci:PATH[:TAG|:@N]`: an OCI image layout in a directory. Layers name their file, so native code reads it
 * without a detour; `urls` of foreign layers are not followed.
 *
 * @see OCI image-spec 1.1.1 image-layout.md
 */
export function ociTransport(): ImageTransport {
  return {
    name: 'oci',
    transports: ['oci'],
    supports: { range: true, localTree: false },
    async resolve(reference, options = {}) {
      return resolveInLayout(reference, directoryLocator(parseLayoutName(reference).path), options)
    },
    openLayer: ({ reference }, layer, options) => open(reference, layer, options),
    async openRaw(reference) {
      const files = directoryLocator(parseLayoutName(reference).path)
      return rawInLayout(reference, files, (blob, options) => open(reference, blob, options))
    },
  }
}

function open(
  reference: ImageReference,
  blob: Descriptor,
  options: Parameters<ImageTransport['openLayer']>[2],
): BlobSource {
  const { path } = parseLayoutName(reference)
  return localLayer(path, blob, () => directoryLocator(path).locate(blobName(blob)), options)
}
