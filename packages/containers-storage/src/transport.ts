import type {
  Descriptor,
  Digest,
  ImageDestination,
  ImageReference,
  ImageTransport,
  ResolvedImage,
} from '@bootc-sdk/core'
import { maxDocumentBytes, printImageReference } from '@bootc-sdk/core/oci'
import { resolveImage } from '@bootc-sdk/core/transports'
import { containersStorageDestination } from './destination.js'
import { findImage, layersOf, readBigData } from './find-image.js'
import { layerTar } from './layer-tar.js'
import { parseStorageName, type StorageName } from './name.js'
import { loadStorageConf, type StorageConf } from './storage-conf.js'
import { invalid, readStore, type ImageStoreFiles, type StorageLayer } from './store.js'

export interface ContainersStorageOptions {
  /** Default: what `storage.conf` and the environment say. References that name a store in brackets do not ask it. */
  readonly conf?: StorageConf
}

/** Where images of the reference's store are read and, with the driver overlay, written. */
export interface ContainersStorageTransport extends ImageTransport {
  readonly destination: ImageDestination
}

interface ServedLayer {
  readonly store: ImageStoreFiles
  readonly layer: StorageLayer
}

/**
 * `containers-storage:[[driver@]root[+runroot]]NAME[@ID]`: images that podman, buildah and skopeo keep, of the drivers
 * overlay and vfs, additional stores included; no program of theirs is needed. An image keeps the digest of the
 * manifest that it was pulled with; its layers are served as plain tars (`ResolvedImage.served`).
 *
 * @see transport.md §11.4 in the format documents
 */
export function containersStorageTransport(
  options: ContainersStorageOptions = {},
): ContainersStorageTransport {
  const known = new WeakMap<ResolvedImage, readonly ServedLayer[]>()

  const resolve: ImageTransport['resolve'] = async (reference, resolveOptions = {}) => {
    resolveOptions.signal?.throwIfAborted()
    const name = parseStorageName(reference)
    const stores = storesFor(name, options.conf)
    const found = findImage(stores, name, printImageReference(reference))
    const read = (key: string) => readBigData(found, key, maxDocumentBytes)
    const image = await resolveImage(
      {
        reference,
        top: { bytes: read(found.manifestKey) },
        readManifest: ({ digest }) => Promise.resolve({ bytes: read(`manifest-${digest}`) }),
        readConfig: ({ digest }) => Promise.resolve(read(digest)),
      },
      resolveOptions,
    )
    const layers = layersOf(found, stores)
    const resolved = { ...image, served: servedLayers(image, layers, reference) }
    known.set(resolved, layers)
    return resolved
  }

  return {
    name: 'containers-storage',
    transports: ['containers-storage'],
    supports: { range: false, localTree: false },
    resolve,
    destination: containersStorageDestination(options),
    openLayer: (image, layer, layerOptions = {}) => ({
      async *[Symbol.asyncIterator]() {
        const index = image.manifest.layers.findIndex(({ digest }) => digest === layer.digest)
        const layers = known.get(image) ?? known.get(await resolve(image.reference, layerOptions))
        const place = layers?.[index]
        if (place === undefined) throw invalid(image.reference.name, `has no layer ${layer.digest}`)
        yield* layerTar(place.store, place.layer, layerOptions.signal)
      },
    }),
  }
}

function storesFor({ store }: StorageName, conf: StorageConf | undefined): ImageStoreFiles[] {
  const { driver, graphRoot, additionalStores } =
    store?.root === undefined
      ? (conf ?? loadStorageConf())
      : { ...store, graphRoot: store.root, additionalStores: [] }
  const wanted = store?.driver ?? driver
  return [graphRoot, ...additionalStores].flatMap((root) => readStore(root, wanted) ?? [])
}

/** What the tars are, by the digests that the manifest has for layers. */
function servedLayers(
  { manifest, config }: ResolvedImage,
  layers: readonly ServedLayer[],
  reference: ImageReference,
): ReadonlyMap<Digest, Descriptor> {
  if (layers.length !== manifest.layers.length) {
    throw invalid(
      reference.name,
      `has ${layers.length} layers, but its manifest has ${manifest.layers.length}`,
    )
  }
  return new Map(
    manifest.layers.map((descriptor, index) => {
      const diffId = config.rootfs.diff_ids[index]!
      const { id, diffDigest, diffBytes } = layers[index]!.layer
      if (diffBytes === undefined || (diffDigest !== undefined && diffDigest !== diffId)) {
        throw invalid(reference.name, `has a layer ${id} that is not ${diffId}`)
      }
      return [descriptor.digest, { ...descriptor, digest: diffId, size: diffBytes }]
    }),
  )
}
