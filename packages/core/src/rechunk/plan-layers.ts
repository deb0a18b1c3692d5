import { digestOf } from '../codec/digest-of.js'
import { isBootcError } from '../errors.js'
import type { Warning } from '../interfaces/common.js'
import { makeGroups } from './groups.js'
import { LayerPlanner, type LayerPlan } from './layer-plan.js'
import { layerTar } from './layer-tar.js'
import type { FileNode } from './nodes.js'
import { packAsBefore, packGroups, type Bin } from './pack.js'
import { findOwners, type PackageOwners } from './packages/find-owners.js'
import type { PreviousImage, PreviousLayer } from './previous.js'
import type { ReadImage } from './read-image.js'
import type { LayerReading } from './read-layers.js'
import { reuseLayer, type Reuse } from './reuse.js'

/** More of the image than this is not put on top of layers: then they are made anew, those first that lack most. */
const mostOnTop = 0.1

/** A layer of the new image: to be made, or one of the earlier image. */
export type PlannedLayer =
  | { readonly plan: LayerPlan; readonly kept?: undefined }
  | { readonly plan: LayerPlan; readonly kept: PreviousLayer }

export interface LayersPlan {
  readonly layers: readonly PlannedLayer[]
  readonly database: PackageOwners['database'] | undefined
  readonly warnings: readonly Warning[]
}

/**
 * Decide about the layers of an image: lowest first, at most `maxLayers`.
 *
 * @param reading how layers of the earlier image are read
 */
export async function planLayers(
  content: ReadImage,
  maxLayers: number,
  previous: PreviousImage | undefined,
  reading: (previous: PreviousImage) => LayerReading,
): Promise<LayersPlan> {
  const { tree, ostree, spool } = content
  const warnings: Warning[] = []
  const owners = await ownersOf(content)
  const earlier = previous?.layers.filter(({ role }) => role === 'content' || role === undefined) ?? []
  const groups = makeGroups(tree, owners, new Set(earlier.flatMap((layer) => layer.groups)))
  const planner = new LayerPlanner(tree, ostree)
  const database = owners?.database
  if (maxLayers === 1) {
    const all = planner.top(
      'all',
      groups.map(({ id }) => id).sort(),
      tree.files.map(({ node }) => node),
      [],
    )
    return { layers: [{ plan: all }], database, warnings }
  }
  const hasBase = maxLayers > 2
  const maxBins = hasBase ? maxLayers - 2 : 1
  let bins = earlier.length === 0 ? undefined : packAsBefore(groups, earlier, maxBins)
  if (bins === undefined && earlier.length > 0) {
    const message = 'the earlier image holds other things than this one; layers are made afresh'
    warnings.push({ code: 'rechunk:previous-unrelated', message })
  }
  bins ??= packGroups(groups, maxBins)
  const planned = bins.map((bin) => contentPlan(planner, bin, !hasBase))
  const kept = new Map<number, Reuse | undefined>()
  if (previous !== undefined) {
    for (const [i, { previous: layer }] of bins.entries()) {
      if (layer?.role !== 'content' || !previous.byDiffId.has(layer.diffId)) continue
      const diffId = await digestOf(layerTar(planned[i]!, spool))
      if (diffId === layer.diffId) kept.set(i, undefined)
      else if (hasBase) {
        const reuse = await tryReuse(reading(previous), layer, content, nodesOf(bins[i]!), warnings)
        if (reuse !== undefined) kept.set(i, reuse)
      }
    }
  }
  const totalBytes = groups.reduce((sum, { bytes }) => sum + bytes, 0)
  limitTop(kept, mostOnTop * totalBytes)
  const reuses = [...kept.values()].filter((reuse) => reuse !== undefined)
  const onTop = new Set(reuses.flatMap((reuse) => [...reuse.onTop]))
  const gone = [...new Set(reuses.flatMap((reuse) => reuse.gone))].sort()
  const layers: PlannedLayer[] = planned.map((plan, i) => {
    const layer = bins[i]!.previous
    return kept.has(i) && layer !== undefined ? { plan, kept: layer } : { plan }
  })
  if (hasBase) layers.unshift({ plan: planner.base() })
  layers.push({ plan: planner.top('top', [], onTop, gone) })
  return { layers, database, warnings }
}

async function ownersOf({ root, spool }: ReadImage): Promise<PackageOwners | undefined> {
  using reader = spool.reader()
  return await findOwners(root, reader)
}

function contentPlan(planner: LayerPlanner, bin: Bin, isLowest: boolean): LayerPlan {
  const ids = bin.groups.map(({ id }) => id).sort()
  return planner.content(ids, nodesOf(bin), isLowest)
}

function nodesOf(bin: Bin): FileNode[] {
  return bin.groups.flatMap(({ files }) => files)
}

/** A layer that cannot be read is made anew. */
async function tryReuse(
  reading: LayerReading,
  layer: PreviousLayer,
  { root }: ReadImage,
  wanted: readonly FileNode[],
  warnings: Warning[],
): Promise<Reuse | undefined> {
  try {
    return await reuseLayer(reading, layer, root, wanted)
  } catch (error) {
    reading.signal?.throwIfAborted()
    if (!isBootcError(error) || !/^(?:IMAGE|TRANSPORT)_/.test(error.code)) throw error
    const { digest } = layer.descriptor
    warnings.push({
      code: 'rechunk:previous-unreadable',
      message: `layer ${digest} of the earlier image cannot be read: ${error.message}`,
      details: { digest, code: error.code },
    })
    return undefined
  }
}

function limitTop(kept: Map<number, Reuse | undefined>, mostBytes: number): void {
  const reused = [...kept].flatMap(([i, reuse]) =>
    reuse === undefined ? [] : [{ i, bytes: reuse.topBytes }],
  )
  reused.sort((a, b) => b.bytes - a.bytes || a.i - b.i)
  let bytes = reused.reduce((sum, reuse) => sum + reuse.bytes, 0)
  for (const reuse of reused) {
    if (bytes <= mostBytes) return
    kept.delete(reuse.i)
    bytes -= reuse.bytes
  }
}
