import { diffIdMismatch } from '../codec/codec-errors.js'
import { RunningDigest } from '../codec/hashing.js'
import { mapLimit } from '../store-kit/map-limit.js'
import type { Bytes, Digest, OpOptions } from '../interfaces/common.js'
import type { ImageDestination } from '../interfaces/destination.js'
import type { ImageTransport, ResolvedImage } from '../interfaces/transport.js'
import { configPlatform, digestAlgorithm, mediaTypes, ociMediaType, sha256Digest } from '../oci/index.js'
import type { ImageReference } from '../oci/reference.js'
import type { Descriptor, Platform } from '../oci/types.js'
import type { CopyEvent } from '../progress.js'
import { copyBlob } from './copy-blob.js'
import type { BlobToCopy, OpenBlob } from './copy-blob.js'
import { copyIndex, openReferrers, sum } from './copy-index.js'
import { compressToFile } from './destinations/compress-to-file.js'

export interface CopyImageOptions extends OpOptions<CopyEvent> {
  readonly source: { readonly transport: ImageTransport; readonly reference: ImageReference }
  readonly target: { readonly destination: ImageDestination; readonly reference: ImageReference }
  readonly platform?: Platform
  /**
   * Of an index: the one image for `platform` (`system`), the index with all of them, or the index alone where its
   * images are at the target already. Default `system`.
   */
  readonly instances?: 'system' | 'all' | 'index-only'
  /** Copy what other manifests say about the image as well, between registries: signatures, SBOMs. */
  readonly referrers?: boolean
  /** Runs on the source before anything is copied. */
  readonly check?: (image: ResolvedImage) => Promise<void>
  /** `false`: fail where blobs are not at the target already, or taken over by it; nothing is read then. */
  readonly mayTransfer?: boolean
  /** Blobs at a time; default 6. */
  readonly concurrency?: number
  /** For layers that have to be compressed first; default /var/tmp. */
  readonly temporaryDir?: string
}

export interface CopyImageResult {
  readonly image: ResolvedImage
  /** What the target names now; the source's, unless layers had to be compressed. */
  readonly manifestDigest: Digest
  /** Bytes of blobs that were moved, and of those that were there. */
  readonly copiedBytes: number
  readonly skippedBytes: number
  /** Manifests of platforms and indexes, and of those that say something about them. */
  readonly manifests: number
  readonly referrers: number
}

/**
 * Copy an image of one platform. Manifest, config and layers keep their bytes, and so the image its digest; only
 * sources that do not keep blobs (podman's storage, `docker save` archives) give an image whose layers are compressed
 * anew.
 *
 * @throws `IMAGE_DIFFID_MISMATCH` for such a layer that is not what the config says; what resolving, reading and writing throw; the target's name never means half an image
 */
export async function copyImage(options: CopyImageOptions): Promise<CopyImageResult> {
  if (options.instances !== undefined && options.instances !== 'system') return copyIndex(options)
  const { source, target, signal } = options
  const image = await source.transport.resolve(source.reference, {
    ...(signal === undefined ? {} : { signal }),
    ...(options.platform === undefined ? {} : { platform: options.platform }),
  })
  await options.check?.(image)
  const plain = image.served !== undefined || source.transport.transports.some((name) => repacked.has(name))
  const { manifest, blobs } = plain ? recompressed(image, options) : asTheyAre(image, options)
  const totals = { copiedBytes: 0, skippedBytes: 0 }
  const copy = { ...options, from: source.reference }
  const done = await mapLimit(blobs, options.concurrency ?? 6, (blob) => copyBlob(blob, copy, totals))
  const finished = manifest(done)
  const document = { ...finished, ...configPlatform(image.config) }
  await target.destination.putManifest(target.reference, document, { signal })
  const result = { image, manifestDigest: finished.digest, ...totals, manifests: 1, referrers: 0 }
  if (options.referrers !== true) return result
  const further = await openReferrers(options)
  const referrers = await further.referrers([finished.digest])
  return { ...result, ...sum(totals, further.totals), referrers }
}

/** Sources whose manifests do not tell the truth about layers. */
const repacked: ReadonlySet<string> = new Set(['docker-archive', 'docker-daemon', 'containers-storage'])

interface CopyPlan {
  readonly blobs: readonly BlobToCopy[]
  manifest(copied: readonly Descriptor[]): { bytes: Uint8Array; digest: Digest; mediaType: string }
}

function asTheyAre(image: ResolvedImage, { source, signal }: CopyImageOptions): CopyPlan {
  const { config, layers } = image.manifest
  const unique = [...new Map(layers.map((layer) => [layer.digest, layer])).values()]
  const { transport } = source
  const open = (descriptor: Descriptor): OpenBlob => {
    const bytes = transport.openLayer(image, descriptor, { signal })
    const settled = async () => transport.forgetLayer?.(descriptor)
    const release = bytes.release && { release: (chunk: Uint8Array) => bytes.release?.(chunk) }
    if (!transport.supports.range) return { descriptor, bytes, ...release, settled }
    const reopen = (start: number) =>
      transport.openLayer(image, descriptor, { signal, range: { start, end: descriptor.size } })
    return { descriptor, bytes, ...release, reopen, settled }
  }
  return {
    blobs: [
      ...unique.map((descriptor) => ({
        id: descriptor.digest,
        descriptor,
        open: () => Promise.resolve(open(descriptor)),
      })),
      blobOf(config, image.configBytes),
    ],
    manifest: () => ({
      bytes: image.manifestBytes,
      digest: image.manifestDigest,
      mediaType: image.manifestMediaType,
    }),
  }
}

function recompressed(image: ResolvedImage, { source, temporaryDir, signal }: CopyImageOptions): CopyPlan {
  const config = { ...image.manifest.config, mediaType: ociMediaType(image.manifest.config.mediaType) }
  return {
    blobs: [
      ...image.manifest.layers.map((layer, index) => ({
        id: layer.digest,
        open: async () => {
          const diffId = image.config.rootfs.diff_ids[index]!
          const tar = checkedTar(source.transport.openLayer(image, layer, { signal }), layer, diffId)
          const { digest, size, bytes, remove } = await compressToFile(tar, { temporaryDir, signal })
          return { descriptor: { mediaType: mediaTypes.ociLayerGzip, digest, size }, bytes, done: remove }
        },
      })),
      blobOf(config, image.configBytes),
    ],
    manifest: (copied) => {
      const { annotations } = image.manifest
      const made = {
        schemaVersion: 2,
        mediaType: mediaTypes.ociManifest,
        config: copied.at(-1),
        layers: copied.slice(0, -1),
        ...(annotations === undefined ? {} : { annotations }),
      }
      const bytes = Buffer.from(JSON.stringify(made))
      return { bytes, digest: sha256Digest(bytes), mediaType: mediaTypes.ociManifest }
    },
  }
}

/** Whatever digest its blob gets: the config goes along, and pulling would fail at the target. */
async function* checkedTar(tar: Bytes, layer: Descriptor, diffId: Digest): AsyncGenerator<Uint8Array> {
  const running = new RunningDigest(digestAlgorithm(diffId))
  for await (const chunk of tar) {
    running.update(chunk)
    yield chunk
  }
  const actual = running.digest()
  if (actual !== diffId) throw diffIdMismatch(layer.digest, diffId, actual)
}

function blobOf(descriptor: Descriptor, data: Uint8Array): BlobToCopy {
  return {
    id: descriptor.digest,
    descriptor,
    open: () =>
      Promise.resolve({
        descriptor,
        bytes: once(data),
        reopen: (offset: number) => once(data.subarray(offset)),
      }),
  }
}

async function* once(data: Uint8Array): AsyncGenerator<Uint8Array> {
  yield data
}
