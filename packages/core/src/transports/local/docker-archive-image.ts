import { MAGIC_BYTES, detectCompression } from '../../codec/compression.js'
import { DEFAULT_MAX_OUTPUT_BYTES, readFileSlice } from '../../codec/index.js'
import type { OpOptions } from '../../interfaces/common.js'
import type { ResolvedImage } from '../../interfaces/transport.js'
import { maxDocumentBytes, mediaTypes, parseConfig, sha256Digest } from '../../oci/index.js'
import type { ImageReference } from '../../oci/reference.js'
import type { Platform } from '../../oci/types.js'
import { resolveImage } from '../resolve-image.js'
import { layoutInvalid } from '../transport-errors.js'
import type { DockerArchiveName } from './docker-archive-name.js'
import { maxItemsBytes, parseArchiveItems, pickItem } from './docker-archive-items.js'
import { readDocument } from './file-locator.js'
import type { FileLocator, FileSlice } from './file-locator.js'
import { unpacked } from './unpacked.js'

/** An image with the archive members of its layers, in the order of its manifest. */
export interface ArchiveImage {
  readonly image: ResolvedImage
  readonly layers: readonly LayerMember[]
}

export interface LayerMember {
  readonly name: string
  readonly compressed: boolean
  /** Of the tar, not compressed. */
  readonly sizeBytes: number
}

/**
 * The image of a `docker save` archive. Such an archive has no manifest: one of Docker's schema 2 is made, whose
 * layers are named by their diff ids, as containers/image does; its digest is not the one the image has in a
 * registry.
 *
 * @throws `TRANSPORT_NOT_FOUND`, `IMAGE_REFERENCE_AMBIGUOUS`, `IMAGE_LAYOUT_INVALID` and what `resolveImage` throws
 */
export async function resolveInDockerArchive(
  reference: ImageReference,
  name: DockerArchiveName,
  files: FileLocator,
  options: OpOptions & { readonly platform?: Platform },
): Promise<ArchiveImage> {
  const items = parseArchiveItems(await readDocument(files, 'manifest.json', maxItemsBytes), files.path)
  const item = pickItem(reference, name, items)
  const configBytes = await readDocument(files, item.config, maxDocumentBytes)
  const { diff_ids: diffIds } = parseConfig(configBytes).rootfs
  if (diffIds.length !== item.layers.length) {
    throw layoutInvalid(files.path, `${item.layers.length} layers, but its config has ${diffIds.length}`)
  }
  const layers: LayerMember[] = []
  for (const name of item.layers) {
    options.signal?.throwIfAborted()
    layers.push(await measureLayer(files, name, options.signal))
  }
  // Members in the order that containers/image writes, so that the digest is the one skopeo tells.
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.dockerManifest,
    config: {
      mediaType: mediaTypes.dockerConfig,
      size: configBytes.length,
      digest: sha256Digest(configBytes),
    },
    layers: layers.map(({ sizeBytes }, index) => ({
      mediaType: mediaTypes.dockerLayerGzip,
      size: sizeBytes,
      digest: diffIds[index],
    })),
  }
  const image = await resolveImage(
    {
      reference,
      top: { bytes: Buffer.from(JSON.stringify(manifest)), contentType: mediaTypes.dockerManifest },
      readManifest: () => Promise.reject(layoutInvalid(files.path, 'an index')),
      readConfig: () => Promise.resolve(configBytes),
    },
    options,
  )
  return { image, layers }
}

/** The tar of a layer that is stored compressed. */
export function unpackedLayer(path: string, slice: FileSlice): AsyncGenerator<Uint8Array> {
  return unpacked(slice, { path, what: `a layer of ${path}`, maxBytes: DEFAULT_MAX_OUTPUT_BYTES })
}

async function isCompressed(slice: FileSlice): Promise<boolean> {
  const head: Uint8Array[] = []
  for await (const chunk of readFileSlice({ ...slice, sizeBytes: Math.min(slice.sizeBytes, MAGIC_BYTES) })) {
    head.push(chunk)
  }
  return detectCompression(Buffer.concat(head)) !== 'none'
}

/** Bytes of a tar are known for one that is stored plain, and counted for a compressed one. */
async function measureLayer(
  files: FileLocator,
  name: string,
  signal: AbortSignal | undefined,
): Promise<LayerMember> {
  const slice = files.locate(name)
  if (slice === undefined) throw layoutInvalid(files.path, `layer ${name} is missing`, { name })
  if (!(await isCompressed(slice))) return { name, compressed: false, sizeBytes: slice.sizeBytes }
  let sizeBytes = 0
  for await (const chunk of unpackedLayer(files.path, slice)) {
    signal?.throwIfAborted()
    sizeBytes += chunk.length
  }
  return { name, compressed: true, sizeBytes }
}
