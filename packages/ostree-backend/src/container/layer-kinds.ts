import type { ImageConfig, ImageManifest } from '@bootc-sdk/core'
import { layout } from './errors.js'
import { finalDiffIdLabel } from './names.js'

/**
 * What a layer holds. `commit`: an OSTree commit with its metadata (and content); `component`: content
 * objects only; `derived`: an ordinary layer.
 */
export type LayerKind = 'commit' | 'component' | 'derived'

/**
 * Tell the kinds of an image's layers, in manifest order. The label `ostree.final-diffid` names the last
 * layer that came from an OSTree commit; without it every layer is derived.
 *
 * @throws BootcError `IMAGE_LAYOUT` when manifest and config disagree
 */
export function classifyLayers(manifest: ImageManifest, config: ImageConfig): LayerKind[] {
  const { layers } = manifest
  const diffIds = config.rootfs.diff_ids
  if (layers.length !== diffIds.length) {
    throw layout(`manifest has ${layers.length} layers, config has ${diffIds.length} diffIds`, {
      layers: layers.length,
      diffIds: diffIds.length,
    })
  }
  const final = config.config?.Labels?.[finalDiffIdLabel]
  if (final === undefined) return layers.map(() => 'derived')
  const target = diffIds.findIndex((diffId) => diffId === final)
  if (target < 0) {
    throw layout(`label ${finalDiffIdLabel} names ${final}, which is no layer of the image`, {
      diffId: final,
    })
  }
  const { digest } = layers[target]!
  if (layers.slice(target + 1).some((layer) => layer.digest === digest)) {
    throw layout(`layer ${digest} ends the base image and occurs again after it`, { digest })
  }
  return layers.map((_, i) => (i === 0 ? 'commit' : i <= target ? 'component' : 'derived'))
}
