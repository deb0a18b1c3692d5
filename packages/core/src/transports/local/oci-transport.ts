import type { ImageTransport } from '../../interfaces/transport.js'
import { directoryLocator } from './file-locator.js'
import { parseLayoutName } from './layout-name.js'
import { blobName, localLayer, resolveInLayout } from './layout-transport.js'

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
    openLayer({ reference }, layer, options) {
      const { path } = parseLayoutName(reference)
      return localLayer(path, layer, () => directoryLocator(path).locate(blobName(layer)), options)
    },
  }
}
