import type { Digest, OpOptions, PruneResult } from '@bootc-sdk/core'
import { readText } from '@bootc-sdk/core/store-kit'
import { manifestDigests } from './image-record.js'
import {
  readRecords,
  stringOf,
  stringsOf,
  writeRecords,
  type Storage,
  type StorageRecord,
} from './records.js'
import {
  isLayerName,
  layerDir,
  linkName,
  lockStorage,
  splitPath,
  storagePaths,
  touchLock,
} from './storage-layout.js'

/**
 * Remove images none of whose manifests is to be kept, then layers that nothing stands on, then what interrupted work
 * left. Lists go before what they name, so that a cut leaves files that nobody looks for. Containers keep their image.
 */
export async function pruneStorage(
  storage: Storage,
  keep: ReadonlySet<Digest>,
  options: OpOptions = {},
): Promise<PruneResult> {
  const { dir } = storage
  const { signal } = options
  const exclusive = { exclusive: true, ...(signal === undefined ? {} : { signal }) }
  await using _own = await dir.lock(storagePaths.ownLock, exclusive)
  await using _lock = await lockStorage(dir, options)
  const containers = await readRecords(dir, storagePaths.containers)
  const images = await readRecords(dir, storagePaths.images)
  const used = new Set(containers.map((container) => stringOf(container, 'image')))
  const isKept = (image: StorageRecord) =>
    used.has(image.id) || manifestDigests(image).some((digest) => keep.has(digest as Digest))
  const kept = images.filter(isKept)
  if (kept.length < images.length) {
    await writeRecords(storage, storagePaths.images, kept)
    await touchLock(storage, storagePaths.imagesLock)
  }
  const layers = await readRecords(dir, storagePaths.layers)
  const needed = standing(layers, [...kept, ...containers])
  const gone = layers.filter(({ id }) => !needed.has(id))
  if (gone.length > 0) {
    await writeRecords(
      storage,
      storagePaths.layers,
      layers.filter(({ id }) => needed.has(id)),
    )
    await touchLock(storage, storagePaths.layersLock)
  }
  await removeLeftOvers(storage, new Set(kept.map(({ id }) => id)), needed, signal)
  const bytes = gone.reduce((sum, layer) => sum + (Number(layer['diff-size']) || 0), 0)
  const removed = images.length - kept.length
  return { images: removed, layers: gone.length, objects: removed + gone.length, bytes }
}

/** Layers under images and containers, and those of all that stand on them. */
function standing(layers: readonly StorageRecord[], tops: readonly StorageRecord[]): Set<string> {
  const parents = new Map(layers.map((layer) => [layer.id, stringOf(layer, 'parent')]))
  const needed = new Set<string>()
  const starts = tops.flatMap((top) => [stringOf(top, 'layer') ?? [], stringsOf(top, 'mapped-layers')].flat())
  for (const start of starts) {
    for (let id: string | undefined = start; id !== undefined && !needed.has(id); id = parents.get(id))
      needed.add(id)
  }
  return needed
}

async function removeLeftOvers(
  { dir }: Storage,
  images: ReadonlySet<string>,
  layers: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const remove = async (path: string) => {
    signal?.throwIfAborted()
    await dir.remove(path)
  }
  const namesIn = async (path: string) => {
    const names: string[] = []
    for await (const { name } of dir.list(path)) names.push(name)
    return names
  }
  for (const name of await namesIn('overlay')) {
    if (!isLayerName(name) || layers.has(name)) continue
    const link = await linkOf(dir, name)
    for (const path of [`${storagePaths.links}/${link}`, splitPath(name), layerDir(name)]) await remove(path)
  }
  for (const name of await namesIn('overlay-layers')) {
    const id = name.slice(0, 64)
    if (isLayerName(id) && name.startsWith(`${id}.`) && !layers.has(id))
      await remove(`overlay-layers/${name}`)
  }
  for (const name of await namesIn('overlay-images')) {
    if (isLayerName(name) && !images.has(name)) await remove(`overlay-images/${name}`)
  }
  for (const place of [storagePaths.staged, storagePaths.working]) {
    for (const name of await namesIn(place)) await remove(`${place}/${name}`)
  }
  for (const name of await namesIn(storagePaths.updates)) {
    if (!images.has(name.replace(/\.json$/, ''))) await remove(`${storagePaths.updates}/${name}`)
  }
}

/** Podman's are drawn by lot, so the layer itself has to be asked. */
async function linkOf(dir: Storage['dir'], id: string): Promise<string> {
  const text = (await readText(dir, `${layerDir(id)}/link`))?.trim() ?? ''
  return /^[A-Z0-9]{1,26}$/.test(text) ? text : linkName(id)
}
