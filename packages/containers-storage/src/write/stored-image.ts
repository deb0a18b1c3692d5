import type { Dir, ImageReference, ResolvedImage, StoredImage } from '@bootc-sdk/core'
import {
  detectMediaType,
  isDigest,
  isIndexMediaType,
  maxDocumentBytes,
  parseConfig,
  parseManifest,
} from '@bootc-sdk/core/oci'
import { damaged, stringOf, stringsOf, tableOf, type StorageRecord } from './records.js'
import { bigDataName, layerDir, layerIds, storagePaths } from './storage-layout.js'

/** @param layers ids, the lowest first */
export function storedImage(
  image: Pick<ResolvedImage, 'manifestDigest' | 'configDigest' | 'manifest' | 'config'>,
  layers: readonly string[],
  reference: ImageReference | undefined,
): StoredImage {
  const { manifestDigest, configDigest, manifest, config } = image
  return {
    store: 'containers-storage',
    id: configDigest.slice('sha256:'.length),
    ...(reference === undefined ? {} : { reference }),
    ...{ manifestDigest, configDigest, manifest, config },
    layers: manifest.layers.map(({ digest }, index) => ({
      digest,
      diffId: config.rootfs.diff_ids[index]!,
      ref: layerDir(layers[index]!),
      id: layers[index]!,
    })),
  }
}

/** A document of an image. @throws BootcError `IMAGE_LAYOUT_INVALID` */
export async function readDocument(dir: Dir, id: string, key: string): Promise<Buffer> {
  const path = `overlay-images/${id}/${bigDataName(key)}`
  const stat = await dir.stat(path)
  if (stat?.type !== 'file') throw damaged(path, `(${key} of image ${id}) is missing`)
  if (stat.sizeBytes > maxDocumentBytes) throw damaged(path, `has ${stat.sizeBytes} bytes`)
  const chunks: Uint8Array[] = []
  for await (const chunk of dir.read(path)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/**
 * An image by its record.
 *
 * @param manifestDigest one of those that it has; default: the one that it was stored with last
 */
export async function imageOfRecord(
  dir: Dir,
  record: StorageRecord,
  manifestDigest: string | undefined = stringOf(record, 'digest'),
): Promise<StoredImage> {
  const known = tableOf(record, 'big-data-digests')
  const digest = manifestDigest ?? known['manifest']
  if (!isDigest(digest)) throw damaged(storagePaths.images, `holds image ${record.id} without a manifest`)
  const key = `manifest-${digest}`
  const manifest = parseManifest(await readDocument(dir, record.id, key in known ? key : 'manifest'))
  const config = parseConfig(await readDocument(dir, record.id, manifest.config.digest), manifest)
  const [name] = stringsOf(record, 'names')
  const parts = { manifestDigest: digest, configDigest: manifest.config.digest, manifest, config }
  const reference: ImageReference | undefined =
    name === undefined ? undefined : { transport: 'registry', name }
  return storedImage(parts, layerIds(config.rootfs.diff_ids), reference)
}

/** Whether a digest that an image is known by is that of the index which led to it. */
export async function isIndex(dir: Dir, id: string, digest: string): Promise<boolean> {
  const path = `overlay-images/${id}/${bigDataName(`manifest-${digest}`)}`
  if ((await dir.stat(path)) === undefined) return false
  return isIndexMediaType(detectMediaType(await readDocument(dir, id, `manifest-${digest}`)))
}
