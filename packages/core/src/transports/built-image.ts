import { fileSource } from '../codec/file-slice.js'
import type { ImageTransport, ResolvedImage } from '../interfaces/transport.js'
import { mediaTypes, parseConfig, parseManifest, sha256Digest } from '../oci/index.js'
import type { ImageReference } from '../oci/reference.js'
import type { BuiltLayer } from './built-layer.js'
import { notFound } from './transport-errors.js'

/** An image that was made here. It can be copied and pulled like any other as long as it is not disposed of. */
export interface BuiltImage extends AsyncDisposable {
  readonly image: ResolvedImage
  /** A source for `copyImage` and `pullImage`. */
  readonly source: { readonly transport: ImageTransport; readonly reference: ImageReference }
}

/**
 * Put documents and layers together.
 *
 * @param documents as bytes, which are kept; the manifest's layers are those given, in any order
 * @param name for messages
 * @throws BootcError `IMAGE_MANIFEST_INVALID` and its kin when the documents do not fit
 */
export function builtImage(
  documents: {
    readonly manifest: Uint8Array
    readonly config: Uint8Array
    readonly manifestMediaType?: string
  },
  layers: readonly BuiltLayer[],
  name: string,
): BuiltImage {
  const reference: ImageReference = { transport: 'oci', name }
  const manifest = parseManifest(documents.manifest)
  const image: ResolvedImage = {
    reference,
    manifestDigest: sha256Digest(documents.manifest),
    manifest,
    manifestBytes: documents.manifest,
    manifestMediaType: documents.manifestMediaType ?? mediaTypes.ociManifest,
    config: parseConfig(documents.config, manifest),
    configDigest: manifest.config.digest,
    configBytes: documents.config,
  }
  const files = new Map(layers.map(({ descriptor, file }) => [descriptor.digest, file]))
  const transport: ImageTransport = {
    name: 'built',
    transports: ['oci'],
    supports: { range: true, localTree: false },
    resolve: () => Promise.resolve(image),
    openLayer(_image, { digest, size }, { range } = {}) {
      const file = files.get(digest)
      if (file === undefined) throw notFound(`layer ${digest}`, { digest })
      if (range === undefined) return fileSource(file)
      const sizeBytes = Math.max(0, Math.min(range.end, size) - range.start)
      return fileSource({ ...file, offsetBytes: range.start, sizeBytes })
    },
  }
  return {
    image,
    source: { transport, reference },
    async [Symbol.asyncDispose]() {
      for (const layer of layers) await layer[Symbol.asyncDispose]()
    },
  }
}
