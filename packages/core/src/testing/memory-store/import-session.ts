import { BootcError } from '../../errors.js'
import type {
  Dir,
  ImportLayer,
  ImportOptions,
  ImportSession,
  ResolvedImage,
  StoredImage,
} from '../../interfaces/index.js'
import { digestHex, type ImageReference } from '../../oci/index.js'
import { makeDirs, temporaryName, writeRecord } from './files.js'
import { flatTree, imagePath, layerPath, refPath } from './stored-tree.js'
import { readLayer } from './layer.js'
import type { ImageRecord, LayerRecord } from './records.js'

/** One import; see `ImportSession`. */
export async function beginImport(
  store: Dir,
  image: ResolvedImage,
  options: ImportOptions = {},
): Promise<ImportSession> {
  const { signal } = options
  const lock = await store.lock('lock', { exclusive: false, ...(signal === undefined ? {} : { signal }) })
  let layers: ImportLayer[]
  try {
    layers = await layersOf(store, image)
  } catch (error) {
    await lock[Symbol.asyncDispose]()
    throw error
  }
  const staging = temporaryName()
  const cached = new Set(layers.flatMap(({ present }, index) => (present ? [index] : [])))
  const put = new Set<number>()
  const session: ImportSession = {
    layers,
    async putLayer(index, tar, layerOptions = {}) {
      const layer = layers[index]
      if (layer === undefined) throw stateError(`there is no layer ${index}`)
      const own = `${staging}/${index}`
      await makeDirs(store, own)
      try {
        const objects = new Map<string, Uint8Array>()
        const steps = await readLayer(tar, (object, content) => objects.set(object, content))
        const aborted = () => (layerOptions.signal ?? signal)?.throwIfAborted()
        for (const [object, content] of objects) {
          aborted()
          if ((await store.stat(`objects/${object}`)) !== undefined) continue
          await store.write(`${own}/${object}`, content, { atomic: false })
        }
        await publish(store, own)
        aborted()
        const record: LayerRecord = { diffId: layer.diffId, steps }
        await writeRecord(store, layerPath(layer.diffId), record)
        put.add(index)
      } finally {
        await store.remove(own)
      }
    },
    async commit(commitOptions = {}) {
      const missing = layers.findIndex((_, index) => !cached.has(index) && !put.has(index))
      if (missing >= 0) throw stateError(`layer ${missing} was not put`)
      ;(commitOptions.signal ?? signal)?.throwIfAborted()
      const target = options.unnamed === true ? undefined : (options.target ?? image.reference)
      const stored = toStored(image, layers, target)
      // Layers that do not go together are found out here, not by the one who opens the image.
      await flatTree(store, stored)
      const record: ImageRecord = { image: stored }
      await writeRecord(store, imagePath(image.manifestDigest), record)
      if (target !== undefined) await writeRecord(store, refPath(target), image.manifestDigest)
      await store.sync()
      const told = stored.layers.map((layer, index) => ({ ...layer, cached: cached.has(index) }))
      return { image: { ...stored, layers: told }, warnings: [] }
    },
    async [Symbol.asyncDispose]() {
      try {
        await store.remove(staging)
      } finally {
        await lock[Symbol.asyncDispose]()
      }
    },
  }
  return session
}

/** @throws BootcError `IMAGE_CONFIG_INVALID` */
async function layersOf(store: Dir, { manifest, config }: ResolvedImage): Promise<ImportLayer[]> {
  const layers: ImportLayer[] = []
  for (const [index, descriptor] of manifest.layers.entries()) {
    const diffId = config.rootfs.diff_ids[index]
    if (diffId === undefined) {
      throw new BootcError('IMAGE_CONFIG_INVALID', `config names no diffId for layer ${index}`)
    }
    const present = (await store.stat(layerPath(diffId))) !== undefined
    layers.push({ descriptor, diffId, present, after: [] })
  }
  return layers
}

/** Objects first and durable, so that no record can ever name one that is cut short. */
async function publish(store: Dir, staging: string): Promise<void> {
  await store.sync()
  for await (const { name } of store.list(staging))
    await store.rename(`${staging}/${name}`, `objects/${name}`)
  await store.sync()
}

function toStored(
  image: ResolvedImage,
  layers: readonly ImportLayer[],
  reference: ImageReference | undefined,
): StoredImage {
  const { manifestDigest, configDigest, manifest, config } = image
  return {
    store: 'memory',
    id: digestHex(manifestDigest),
    ...(reference === undefined ? {} : { reference }),
    manifestDigest,
    configDigest,
    manifest,
    config,
    layers: layers.map(({ descriptor, diffId }) => ({
      digest: descriptor.digest,
      diffId,
      ref: layerPath(diffId),
      id: digestHex(diffId),
    })),
  }
}

function stateError(message: string): BootcError {
  return new BootcError('IMAGE_IMPORT_STATE', message)
}
