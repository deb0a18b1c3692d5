import type { Descriptor } from '../oci/types.js'
import type { LayerDiff } from './types.js'

/** Compare two images' layers by digest, as bootc prints after an upgrade. Bytes are those of the blobs. */
export function diffLayers(before: readonly Descriptor[], after: readonly Descriptor[]): LayerDiff {
  const old = new Set(before.map((layer) => layer.digest))
  const fresh = new Set(after.map((layer) => layer.digest))
  return {
    total: sum(after),
    removed: sum(before.filter((layer) => !fresh.has(layer.digest))),
    added: sum(after.filter((layer) => !old.has(layer.digest))),
  }
}

function sum(layers: readonly Descriptor[]): { count: number; bytes: number } {
  return { count: layers.length, bytes: layers.reduce((bytes, layer) => bytes + layer.size, 0) }
}
