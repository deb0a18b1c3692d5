import { BootcError } from '../../errors.js'
import type { Dir, StoredImage } from '../../interfaces/index.js'
import { digestHex, printImageReference, type ImageReference } from '../../oci/index.js'
import { readRecord } from './files.js'
import { flattenLayers, type FlatTree } from './flatten.js'
import type { LayerRecord } from './records.js'

export function imagePath(manifestDigest: StoredImage['manifestDigest']): string {
  return `images/${digestHex(manifestDigest)}.json`
}

export function layerPath(diffId: StoredImage['manifestDigest']): string {
  return `layers/${digestHex(diffId)}.json`
}

export function refPath(reference: ImageReference): string {
  return `refs/${encodeURIComponent(printImageReference(reference))}.json`
}

/** The image's tree, from its layers. */
export async function flatTree(store: Dir, image: StoredImage): Promise<FlatTree> {
  const layers = []
  for (const { diffId } of image.layers) {
    const record = await readRecord<LayerRecord>(store, layerPath(diffId))
    if (record === undefined) throw notStored(image)
    layers.push(record.steps)
  }
  return flattenLayers(layers)
}

export function notStored(image: StoredImage): BootcError {
  return new BootcError(
    'IMAGE_NOT_STORED',
    `image ${image.manifestDigest} is not (or no longer) in the store`,
  )
}
