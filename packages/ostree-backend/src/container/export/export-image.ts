import type { Descriptor, Digest, ImageConfig, ImageManifest, OpOptions, StoredImage } from '@bootc-sdk/core'
import type { LayerCompression } from '@bootc-sdk/core/codec'
import { mediaTypes, ociMediaType, sha256Digest } from '@bootc-sdk/core/oci'
import { buildLayer, builtImage, type BuiltImage, type BuiltLayer } from '@bootc-sdk/core/transports'
import type { OstreeRepo } from '../../repo/api.js'
import { readDocuments } from '../document-files.js'
import { classifyLayers } from '../layer-kinds.js'
import { finalDiffIdLabel } from '../names.js'
import type { EncapsulateEvent } from './encapsulate.js'
import { configDescriptor, json } from './image-documents.js'
import { imageLayers } from './image-layers.js'

export interface ExportImageOptions extends OpOptions<EncapsulateEvent> {
  /** Default `gzip`. */
  readonly compression?: LayerCompression
  /** Where layers lie until the image is disposed of. Default /var/tmp. */
  readonly temporaryDir?: string
}

/** What became of a layer. */
export interface ExportedLayer {
  readonly digest: Digest
  readonly diffId: Digest
  /** Of the stored image. */
  readonly original: { readonly digest: Digest; readonly diffId: Digest }
}

export interface ExportedImage extends BuiltImage {
  /** In manifest order. */
  readonly layers: readonly ExportedLayer[]
}

/**
 * Make an image of one that is stored, as `ostree container image export` does. Stores keep trees, not tars: layers
 * made from an OSTree commit come out as they were, others with the same files in another tar. Manifest and config
 * name what was made; they are the original ones, and with them the image's digest, exactly when every layer is.
 *
 * @param image as a store on this repository gives it
 * @throws BootcError `STORE_OSTREE_NO_REV` for a layer that is gone, `STORE_OSTREE_NO_OBJECT`,
 *   `STORE_OSTREE_PARTIAL`, `STORE_OSTREE_CORRUPT`
 */
export async function exportImage(
  repo: OstreeRepo,
  image: StoredImage,
  options: ExportImageOptions = {},
): Promise<ExportedImage> {
  const { signal, onProgress, compression, temporaryDir } = options
  signal?.throwIfAborted()
  const built: BuiltLayer[] = []
  try {
    for (const [i, tar] of (await imageLayers(repo, image, signal)).entries()) {
      const id = image.layers[i]!.digest
      const onBytes = (bytes: number): void =>
        onProgress?.({ type: 'encapsulate:layer', detail: { id, bytes, totalBytes: 0, cachedBytes: 0 } })
      built.push(await buildLayer(tar(signal), { compression, temporaryDir, signal, onBytes }))
    }
    const documents = await documentsOf(repo, image, built)
    const made = builtImage(documents, built, `image ${image.manifestDigest}`)
    return { ...made, layers: built.map((layer, i) => exported(layer, image.layers[i]!)) }
  } catch (error) {
    for (const layer of built) await layer[Symbol.asyncDispose]()
    throw error
  }
}

function exported(
  { descriptor, diffId }: BuiltLayer,
  original: { readonly digest: Digest; readonly diffId: Digest },
): ExportedLayer {
  return { digest: descriptor.digest, diffId, original: { digest: original.digest, diffId: original.diffId } }
}

async function documentsOf(
  repo: OstreeRepo,
  image: StoredImage,
  built: readonly BuiltLayer[],
): Promise<Parameters<typeof builtImage>[0]> {
  // Bytes are kept by this store; bootc's keeps what it understood of them.
  const kept = await readDocuments(repo, image)
  const diffIds = built.map(({ diffId }) => diffId)
  const isSameTars = diffIds.every((diffId, i) => diffId === image.layers[i]!.diffId)
  const config = isSameTars
    ? (kept?.configBytes ?? json(image.config))
    : json(withDiffIds(image.config, diffIds, finalDiffId(image, diffIds)))
  const isSame =
    sha256Digest(config) === image.configDigest &&
    built.every(({ descriptor }, i) => descriptor.digest === image.layers[i]!.digest)
  if (isSame) {
    const manifest = kept?.manifestBytes ?? json(image.manifest)
    const manifestMediaType = kept?.manifestMediaType ?? image.manifest.mediaType ?? mediaTypes.ociManifest
    if (sha256Digest(manifest) === image.manifestDigest) return { manifest, config, manifestMediaType }
  }
  return { manifest: json(newManifest(image, built, config, finalDiffId(image, diffIds))), config }
}

/** Of the last layer that came from a commit. */
function finalDiffId(image: StoredImage, diffIds: readonly Digest[]): Digest | undefined {
  const last = classifyLayers(image.manifest, image.config).findLastIndex((kind) => kind !== 'derived')
  return diffIds[last]
}

function withDiffIds(
  config: ImageConfig,
  diffIds: readonly Digest[],
  final: Digest | undefined,
): ImageConfig {
  const inner = config.config
  const labels = final === undefined ? inner?.Labels : { ...inner?.Labels, [finalDiffIdLabel]: final }
  return {
    ...config,
    ...(inner === undefined
      ? {}
      : { config: { ...inner, ...(labels === undefined ? {} : { Labels: labels }) } }),
    rootfs: { type: 'layers', diff_ids: diffIds },
  }
}

function newManifest(
  { manifest }: StoredImage,
  built: readonly BuiltLayer[],
  config: Uint8Array,
  final: Digest | undefined,
): ImageManifest {
  const { mediaType, annotations } = manifest
  const isLabelled = final !== undefined && annotations?.[finalDiffIdLabel] !== undefined
  return {
    ...manifest,
    ...(mediaType === undefined ? {} : { mediaType: ociMediaType(mediaType) }),
    config: configDescriptor(config),
    layers: built.map(({ descriptor }, i) => withAnnotations(descriptor, manifest.layers[i]!)),
    ...(isLabelled ? { annotations: { ...annotations, [finalDiffIdLabel]: final } } : {}),
  }
}

/** Annotations about the bytes of a blob, such as the table of contents of zstd:chunked. */
const aboutBytes = /^(?:io\.github\.containers\.zstd-chunked\.|containerd\.io\/snapshot\/stargz\/)/

function withAnnotations(made: Descriptor, original: Descriptor): Descriptor {
  const { annotations } = original
  if (annotations === undefined) return made
  const kept = Object.entries(annotations).filter(
    ([key]) => made.digest === original.digest || !aboutBytes.test(key),
  )
  return { ...made, annotations: Object.fromEntries(kept) }
}
