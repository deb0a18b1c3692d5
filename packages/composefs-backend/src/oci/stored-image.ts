import type { Digest, ImageReference, StoredImage, StoredLayer } from '@bootc-sdk/core'
import type { ComposefsRepo } from '../repo/api.js'
import { readDocumentsOrUndefined, type StoredDocuments } from './documents.js'
import type { Filing } from './filing.js'
import { imageRef, layerStream } from './names.js'
import { storeName } from '../store-name.js'

/**
 * An image by its manifest. One that is damaged or no image counts as absent, so that a pull can mend it.
 *
 * @param reference what it is filed under, when the caller knows
 */
export async function readStoredImage(
  repo: ComposefsRepo,
  manifestDigest: Digest,
  filing: Filing,
  reference?: ImageReference,
): Promise<StoredImage | undefined> {
  const documents = await readDocumentsOrUndefined(repo, manifestDigest)
  if (documents?.config === undefined) return undefined
  const { manifest, config, images } = documents
  const layers = storedLayers(documents)
  for (const { id, ref } of layers) {
    // Adopted images have none; of others a clean-up that was interrupted may have taken the first.
    if (id !== '' && (await repo.stream(ref)) === undefined) return undefined
  }
  const update = await filing.notes.cachedUpdate(manifestDigest)
  return {
    store: storeName,
    // Old repositories do not say; `open` makes do without.
    id: images.get(imageRef(repo.meta.erofsVersion)) ?? '',
    ...(reference === undefined ? {} : { reference }),
    manifestDigest,
    configDigest: manifest.config.digest,
    manifest,
    config,
    layers,
    ...(update === undefined ? {} : { cachedUpdate: update }),
  }
}

/** Layers by manifest order; `id` is empty for those that are not there. */
function storedLayers({ manifest, config, layers }: StoredDocuments): StoredLayer[] {
  return manifest.layers.map(({ digest }, i) => {
    const diffId = config!.rootfs.diff_ids[i] ?? digest
    return { digest, diffId, ref: layerStream(diffId), id: layers.get(diffId) ?? '' }
  })
}
