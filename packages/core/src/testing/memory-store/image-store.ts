import { createHash } from 'node:crypto'
import type { Dir, ImageStore, PruneResult, StoredImage } from '../../interfaces/index.js'
import { digestHex } from '../../oci/index.js'
import { joinPath } from '../../names/index.js'
import { readAll } from '../read-tree.js'
import { readRecord, recordsIn, writeRecord } from './files.js'
import { flatReadTree } from './flat-read-tree.js'
import { beginImport } from './import-session.js'
import { flatTree, imagePath, notStored, refPath } from './stored-tree.js'
import type { ImageRecord, LayerRecord } from './records.js'

/** Images below `store`: objects by the SHA-256 of their content, layers by diffId, images by manifest digest. */
export function memoryImageStore(store: Dir): ImageStore {
  const images: ImageStore = {
    supports: Object.freeze({ reflink: store.supports.reflink, fsck: true }),
    async get(manifestDigest) {
      const record = await readRecord<ImageRecord>(store, imagePath(manifestDigest))
      return record?.image
    },
    async lookup(reference) {
      const digest = await readRecord<StoredImage['manifestDigest']>(store, refPath(reference))
      const image = digest === undefined ? undefined : await images.get(digest)
      return image === undefined ? undefined : { ...image, reference }
    },
    async *list() {
      for await (const { record } of recordsIn<ImageRecord>(store, 'images')) yield record.image
    },
    freeBytes: async () => (await store.space()).freeBytes,
    begin: (image, options) => beginImport(store, image, options),
    open: async (image) => flatReadTree(await flatTree(store, image), store.sub('objects')),
    async setCachedUpdate(image, update) {
      const record = await readRecord<ImageRecord>(store, imagePath(image.manifestDigest))
      if (record === undefined) throw notStored(image)
      const { cachedUpdate: _, ...rest } = record.image
      const changed = update === undefined ? rest : { ...rest, cachedUpdate: update }
      await writeRecord(store, imagePath(image.manifestDigest), { ...record, image: changed })
    },
    async remove(reference) {
      if ((await store.stat(refPath(reference))) === undefined) return false
      await store.remove(refPath(reference))
      return true
    },
    prune: (keep, options) => prune(store, keep, options?.signal),
    async fsck(options) {
      const problems: { object: string; message: string }[] = []
      let objects = 0
      for await (const { name } of store.list('objects')) {
        options?.signal?.throwIfAborted()
        objects++
        const content = await readAll(store, joinPath('objects', name))
        const actual = createHash('sha256').update(content).digest('hex')
        if (actual !== name) problems.push({ object: name, message: `content has the checksum ${actual}` })
      }
      for await (const image of images.list()) {
        for (const entry of (await flatTree(store, image)).values()) {
          if (entry.object === undefined) continue
          if ((await store.stat(joinPath('objects', entry.object))) !== undefined) continue
          problems.push({
            object: entry.object,
            message: `is missing, image ${image.manifestDigest} needs it`,
          })
        }
      }
      return { objects, problems }
    },
  }
  return Object.freeze(images)
}

/** Names first, then images, layers and objects: whatever is left in between is complete. */
async function prune(
  store: Dir,
  keep: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<PruneResult> {
  await using _lock = await store.lock('lock', {
    exclusive: true,
    ...(signal === undefined ? {} : { signal }),
  })
  const count = { images: 0, layers: 0, objects: 0, bytes: 0 }
  const remove = async (path: string) => {
    signal?.throwIfAborted()
    await store.remove(path)
  }
  for await (const { name, record } of recordsIn<string>(store, 'refs')) {
    if (!keep.has(record)) await remove(`refs/${name}.json`)
  }
  const layers = new Set<string>()
  for await (const { name, record } of recordsIn<ImageRecord>(store, 'images')) {
    if (keep.has(record.image.manifestDigest)) {
      for (const { diffId } of record.image.layers) layers.add(digestHex(diffId))
    } else {
      await remove(`images/${name}.json`)
      count.images++
    }
  }
  // Records of images must be gone before what they name.
  await store.sync()
  const objects = new Set<string>()
  for await (const { name, record } of recordsIn<LayerRecord>(store, 'layers')) {
    if (layers.has(name)) {
      for (const step of record.steps) if (step.kind === 'entry') objects.add(step.entry.object ?? '')
    } else {
      await remove(`layers/${name}.json`)
      count.layers++
    }
  }
  await store.sync()
  for await (const { name, stat } of store.list('objects')) {
    if (objects.has(name)) continue
    await remove(`objects/${name}`)
    count.objects++
    count.bytes += stat.sizeBytes
  }
  for await (const { name } of store.list('tmp')) await remove(`tmp/${name}`)
  return count
}
