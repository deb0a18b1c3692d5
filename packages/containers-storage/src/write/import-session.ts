import {
  BootcError,
  type Digest,
  type ImageReference,
  type ImportLayer,
  type ImportOptions,
  type ImportSession,
  type ResolvedImage,
  type StoredImage,
} from '@bootc-sdk/core'
import { digestAlgorithm, parseRegistryName, printRegistryName } from '@bootc-sdk/core/oci'
import { documentsOf, imageId, imageRecord, withoutName } from './image-record.js'
import { publish, stage, stagedPath, type LayerToPublish } from './publish-layers.js'
import { isComplete, readRecords, stringOf, writeRecords, type Storage } from './records.js'
import { labelled } from './labelled.js'
import { bigDataName, layerIds, lockStorage, storagePaths, touchLock } from './storage-layout.js'
import { storedImage } from './stored-image.js'

/** One import; see `ImportSession`. Layers wait beside the store until the image is whole. */
export async function beginImport(
  storage: Storage,
  image: ResolvedImage,
  options: ImportOptions = {},
): Promise<ImportSession> {
  const { dir } = storage
  const { signal } = options
  signal?.throwIfAborted()
  const wanted = layersOf(image)
  const name = options.unnamed === true ? undefined : nameOf(options.target ?? image.reference)
  const lock = await dir.lock(storagePaths.ownLock, {
    exclusive: false,
    ...(signal === undefined ? {} : { signal }),
  })
  try {
    const records = await readRecords(dir, storagePaths.layers)
    const layers: ImportLayer[] = []
    for (const { id, diffId, descriptor } of wanted) {
      const present =
        records.some(
          (record) => isComplete(record) && (record.id === id || stringOf(record, 'diff-digest') === diffId),
        ) || (await dir.stat(stagedPath(diffId))) !== undefined
      layers.push({ descriptor, diffId, present, after: [] })
    }
    const put = new Set(layers.flatMap(({ present }, index) => (present ? [index] : [])))
    return {
      layers,
      async putLayer(index, tar, layerOptions = {}) {
        const layer = wanted[index]
        if (layer === undefined) throw stateError(`there is no layer ${index}`)
        await stage(storage, layer, tar, { signal: layerOptions.signal ?? signal })
        put.add(index)
      },
      async commit(commitOptions = {}) {
        const missing = wanted.findIndex((_, index) => !put.has(index))
        if (missing >= 0) throw stateError(`layer ${missing} was not put`)
        const operation = { signal: commitOptions.signal ?? signal }
        await commit(storage, image, { wanted, name, created: createdOf(options) }, operation)
        const reference = options.unnamed === true ? undefined : (options.target ?? image.reference)
        const stored = storedImage(
          image,
          wanted.map(({ id }) => id),
          reference,
        )
        return { image: withCached(stored, layers), warnings: [] }
      },
      [Symbol.asyncDispose]: () => Promise.resolve(lock[Symbol.asyncDispose]()),
    }
  } catch (error) {
    await lock[Symbol.asyncDispose]()
    throw error
  }
}

/** Layers first, on disk and then in their list; the image last. A cut in between leaves layers that nobody uses. */
async function commit(
  storage: Storage,
  image: ResolvedImage,
  { wanted, name, created }: { wanted: readonly WantedLayer[]; name: string | undefined; created: string },
  operation: { readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const { dir, label } = storage
  operation.signal?.throwIfAborted()
  await using _lock = await lockStorage(dir, operation)
  let records = await readRecords(dir, storagePaths.layers)
  let isNew = false
  for (const layer of wanted) {
    const known = records.find(({ id }) => id === layer.id)
    if (known !== undefined && isComplete(known)) continue
    const record = await publish(storage, { ...layer, created }, records, operation)
    records = [...records.filter(({ id }) => id !== layer.id), record]
    isNew = true
  }
  if (isNew) {
    await dir.sync()
    await writeRecords(storage, storagePaths.layers, records)
    await touchLock(storage, storagePaths.layersLock)
  }
  operation.signal?.throwIfAborted()
  const id = imageId(image)
  const images = await readRecords(dir, storagePaths.images)
  const before = images.find((record) => record.id === id)
  const place = `overlay-images/${id}`
  if ((await dir.stat(place)) === undefined)
    await dir.mkdir(place, { mode: 0o700, ...labelled(label, place, 0o040000) })
  for (const { key, bytes } of documentsOf(image)) {
    const path = `${place}/${bigDataName(key)}`
    await dir.write(path, bytes, { mode: 0o600, ...labelled(label, path, 0o100000) })
  }
  await dir.sync()
  const record = imageRecord(image, before, { layer: wanted.at(-1)?.id, name, created })
  const others = name === undefined ? images : withoutName(images, name, id)
  const kept = others.map((each) => (each.id === id ? record : each))
  await writeRecords(storage, storagePaths.images, before === undefined ? [...kept, record] : kept)
  await touchLock(storage, storagePaths.imagesLock)
}

interface WantedLayer extends Omit<LayerToPublish, 'created'> {
  readonly diffId: Digest
}

/** @throws BootcError `IMAGE_CONFIG_INVALID` */
function layersOf({ manifest, config }: ResolvedImage): WantedLayer[] {
  const diffIds = manifest.layers.map((_, index) => {
    const diffId = config.rootfs.diff_ids[index]
    if (diffId !== undefined && digestAlgorithm(diffId) === 'sha256') return diffId
    throw new BootcError('IMAGE_CONFIG_INVALID', `config names no sha256 diffId for layer ${index}`)
  })
  const ids = layerIds(diffIds)
  return manifest.layers.map((descriptor, index) => {
    const parent = ids[index - 1]
    return {
      id: ids[index]!,
      ...(parent === undefined ? {} : { parent }),
      diffId: diffIds[index]!,
      descriptor,
    }
  })
}

/** Images have names of registries; others have none here. */
export function nameOf({ transport, name }: ImageReference): string | undefined {
  return transport === 'registry' ? printRegistryName(parseRegistryName(name)) : undefined
}

function createdOf({ timestamp }: ImportOptions): string {
  return new Date(timestamp === undefined ? Date.now() : timestamp * 1000).toISOString()
}

function withCached(image: StoredImage, layers: readonly ImportLayer[]): StoredImage {
  return {
    ...image,
    layers: image.layers.map((layer, index) => ({ ...layer, cached: layers[index]!.present })),
  }
}

function stateError(message: string): BootcError {
  return new BootcError('IMAGE_IMPORT_STATE', message)
}
