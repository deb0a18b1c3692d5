import type { CachedUpdate, Dir, ImageReference, ImageStore, StoredImage } from '@bootc-sdk/core'
import { joinPath } from '@bootc-sdk/core/names'
import { sha256Digest, detectMediaType } from '@bootc-sdk/core/oci'
import { readText } from '@bootc-sdk/core/store-kit'
import { manifestDigests } from './image-record.js'
import { beginImport, nameOf } from './import-session.js'
import type { LabelPath } from './layer-tree.js'
import { mergedTree } from './merged-tree.js'
import { pruneStorage } from './prune-storage.js'
import { readLayerTar } from './read-layer.js'
import { readRecords, stringsOf, writeRecords, type Storage, type StorageRecord } from './records.js'
import { imageOfRecord, isIndex, readDocument } from './stored-image.js'
import {
  assertCanHold,
  assertOverlay,
  layerDir,
  layOut,
  lockStorage,
  storagePaths,
  touchLock,
} from './storage-layout.js'

export interface ContainersImageStoreOptions {
  /** SELinux context of a path (below the store) with a mode; default: none. */
  readonly label?: LabelPath
}

/**
 * Storage of containers (driver overlay) as a store of images: podman, buildah and skopeo read what is written, also
 * as an additional image store. Images are known by names of registries.
 *
 * @param dir an existing store, or a directory that becomes one with the first import
 */
export function containersImageStore(dir: Dir, options: ContainersImageStoreOptions = {}): ImageStore {
  const storage: Storage = { dir, label: options.label ?? (() => undefined) }
  const images = () => readRecords(dir, storagePaths.images)
  const withUpdate = async (image: StoredImage): Promise<StoredImage> => {
    const text = await readText(dir, updatePath(image))
    const cachedUpdate = text === undefined ? undefined : updateOf(text)
    return cachedUpdate === undefined ? image : { ...image, cachedUpdate }
  }
  const store: ImageStore = {
    supports: Object.freeze({ reflink: false, fsck: false }),
    async get(manifestDigest) {
      const record = (await images()).find((each) => manifestDigests(each).includes(manifestDigest))
      if (record === undefined || (await isIndex(dir, record.id, manifestDigest))) return undefined
      return withUpdate(await imageOfRecord(dir, record, manifestDigest))
    },
    async lookup(reference) {
      const record = named(await images(), reference)
      return record && { ...(await withUpdate(await imageOfRecord(dir, record))), reference }
    },
    async *list() {
      for (const record of await images()) yield await withUpdate(await imageOfRecord(dir, record))
    },
    freeBytes: async () => (await dir.space()).freeBytes,
    async begin(image, importOptions = {}) {
      importOptions.signal?.throwIfAborted()
      await prepare()
      return beginImport(storage, image, importOptions)
    },
    open: async (image) =>
      mergedTree(image.layers.map(({ id }) => dir.sub(joinPath(layerDir(id), 'diff'))).reverse()),
    async setCachedUpdate(image, update) {
      const path = updatePath(image)
      if (update === undefined) await dir.remove(path)
      else await dir.write(path, Buffer.from(JSON.stringify(update)), { mode: 0o600 })
    },
    async remove(reference) {
      if ((await dir.stat(storagePaths.images)) === undefined) return false
      await using _lock = await lockStorage(dir, {})
      const records = await images()
      const found = named(records, reference)
      if (found === undefined) return false
      const name = nameOf(reference)
      const changed = { ...found, names: stringsOf(found, 'names').filter((each) => each !== name) }
      await writeRecords(
        storage,
        storagePaths.images,
        records.map((each) => (each === found ? changed : each)),
      )
      await touchLock(storage, storagePaths.imagesLock)
      return true
    },
    async prune(keep, operation) {
      if ((await dir.stat(storagePaths.layers)) === undefined)
        return { images: 0, layers: 0, objects: 0, bytes: 0 }
      await prepare()
      return pruneStorage(storage, keep, operation)
    },
    async documents(image) {
      const [manifestBytes, configBytes] = await Promise.all([
        readDocument(dir, image.id, `manifest-${image.manifestDigest}`),
        readDocument(dir, image.id, image.configDigest),
      ])
      if (sha256Digest(manifestBytes) !== image.manifestDigest) return undefined
      return { manifestBytes, manifestMediaType: detectMediaType(manifestBytes), configBytes }
    },
    readLayer: (image, index) => readLayerTar(dir, image.layers[index]!.id),
  }
  const prepare = async () => {
    assertCanHold(dir)
    await assertOverlay(dir)
    await layOut(dir, storage.label)
  }
  return Object.freeze(store)
}

function named(records: readonly StorageRecord[], reference: ImageReference): StorageRecord | undefined {
  const name = nameOf(reference)
  return name === undefined ? undefined : records.find((record) => stringsOf(record, 'names').includes(name))
}

/** A memory aid: where it is damaged, there is none. */
function updateOf(text: string): CachedUpdate | undefined {
  try {
    return JSON.parse(text) as CachedUpdate
  } catch {
    return undefined
  }
}

function updatePath({ id }: StoredImage): string {
  return `${storagePaths.updates}/${id}.json`
}
