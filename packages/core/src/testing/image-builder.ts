import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Digest } from '../interfaces/common.js'
import { digestAlgorithm, digestHex, mediaTypes, sha256Digest } from '../oci/index.js'
import type { Descriptor, ImageConfig, ImageIndex, ImageManifest, Platform } from '../oci/types.js'
import { packTar } from '../tar/index.js'
import type { TarMember } from '../tar/index.js'
import { compressLayer } from './compress.js'
import type { LayerCompression } from './compress.js'

export interface LayerSpec {
  /** Parents first; `file`, `dir`, `symlink`, `hardlink`, `whiteout`, `opaque` make them. */
  readonly entries?: Iterable<TarMember>
  /** A finished tar instead of entries. */
  readonly tar?: Uint8Array
  /** A finished blob of that tar, for odd compressions. */
  readonly blob?: Uint8Array
  /** Default `gzip`. */
  readonly compression?: LayerCompression
  /** Default: what fits the compression. */
  readonly mediaType?: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly urls?: readonly string[]
  readonly createdBy?: string
}

export interface ImageSpec {
  readonly layers: readonly LayerSpec[]
  readonly labels?: Readonly<Record<string, string>>
  /** RFC 3339; default 2024-01-02T03:04:05Z. */
  readonly created?: string
  /** Default `amd64`. */
  readonly architecture?: string
  /** Default `linux`. */
  readonly os?: string
  readonly variant?: string
  /** Of the manifest. */
  readonly annotations?: Readonly<Record<string, string>>
  /** Media types of this family; default `oci`. */
  readonly family?: 'oci' | 'docker'
  /** Changes to the finished config, for images that lie. */
  readonly config?: (config: ImageConfig) => unknown
  /** Changes to the finished manifest. */
  readonly manifest?: (manifest: ImageManifest) => unknown
}

export interface BuiltLayer {
  readonly descriptor: Descriptor
  readonly diffId: Digest
  readonly blob: Uint8Array
  readonly tar: Uint8Array
}

/** An image in memory; the same spec gives the same bytes (in one version of Node's zlib). */
export interface BuiltImage {
  readonly manifest: ImageManifest
  readonly manifestBytes: Uint8Array
  readonly manifestDigest: Digest
  readonly manifestMediaType: string
  readonly config: ImageConfig
  readonly configBytes: Uint8Array
  readonly configDigest: Digest
  readonly platform: Platform
  readonly layers: readonly BuiltLayer[]
  /** Config and layers. */
  readonly blobs: ReadonlyMap<Digest, Uint8Array>
  /** Add it to an OCI layout (made when missing) under a tag, or as the only untagged entry. */
  writeOciLayout(dir: string, tag?: string): Promise<void>
}

/** Several platforms under one digest. */
export interface BuiltIndex {
  readonly index: ImageIndex
  readonly bytes: Uint8Array
  readonly digest: Digest
  readonly mediaType: string
  readonly images: readonly BuiltImage[]
}

const DEFAULT_CREATED = '2024-01-02T03:04:05Z'

export function buildImage(spec: ImageSpec): BuiltImage {
  const docker = spec.family === 'docker'
  const layers = spec.layers.map((layer) => buildLayer(layer, docker))
  const platform: Platform = {
    architecture: spec.architecture ?? 'amd64',
    os: spec.os ?? 'linux',
    ...(spec.variant === undefined ? {} : { variant: spec.variant }),
  }
  const created = spec.created ?? DEFAULT_CREATED
  const plainConfig: ImageConfig = {
    created,
    ...platform,
    config: spec.labels ? { Labels: spec.labels } : {},
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    history: spec.layers.map((layer, i) => ({ created, created_by: layer.createdBy ?? `layer ${i}` })),
  }
  const config = (spec.config?.(plainConfig) ?? plainConfig) as ImageConfig
  const configBytes = json(config)
  const mediaType = docker ? mediaTypes.dockerManifest : mediaTypes.ociManifest
  const plainManifest: ImageManifest = {
    schemaVersion: 2,
    mediaType,
    config: describe(configBytes, docker ? mediaTypes.dockerConfig : mediaTypes.ociConfig),
    layers: layers.map((layer) => layer.descriptor),
    ...(spec.annotations ? { annotations: spec.annotations } : {}),
  }
  const manifest = (spec.manifest?.(plainManifest) ?? plainManifest) as ImageManifest
  const manifestBytes = json(manifest)
  const configDigest = sha256Digest(configBytes)
  const blobs = new Map<Digest, Uint8Array>([[configDigest, configBytes]])
  for (const layer of layers) blobs.set(layer.descriptor.digest, layer.blob)
  const image: BuiltImage = {
    manifest,
    manifestBytes,
    manifestDigest: sha256Digest(manifestBytes),
    manifestMediaType: mediaType,
    config,
    configBytes,
    configDigest,
    platform,
    layers,
    blobs,
    writeOciLayout: (dir, tag) => writeOciLayout(dir, image, tag),
  }
  return image
}

/** @param platforms what the index says of each image; default its own platform, `null` for none */
export function buildIndex(
  images: readonly BuiltImage[],
  options: {
    readonly platforms?: readonly (Platform | null)[]
    readonly annotations?: readonly (Readonly<Record<string, string>> | undefined)[]
    readonly family?: 'oci' | 'docker'
  } = {},
): BuiltIndex {
  const mediaType = options.family === 'docker' ? mediaTypes.dockerManifestList : mediaTypes.ociIndex
  const manifests = images.map((image, i): Descriptor => {
    const platform = options.platforms?.[i] === undefined ? image.platform : options.platforms[i]
    const annotations = options.annotations?.[i]
    return {
      ...describe(image.manifestBytes, image.manifestMediaType),
      ...(platform ? { platform } : {}),
      ...(annotations ? { annotations } : {}),
    }
  })
  const index: ImageIndex = { schemaVersion: 2, mediaType, manifests }
  const bytes = json(index)
  return { index, bytes, digest: sha256Digest(bytes), mediaType, images }
}

/** Add an image, or an index with all its images, to an OCI layout. */
export async function writeOciLayout(
  dir: string,
  image: BuiltImage | BuiltIndex,
  tag?: string,
): Promise<void> {
  const top =
    'images' in image
      ? describe(image.bytes, image.mediaType)
      : describe(image.manifestBytes, image.manifestMediaType)
  await mkdir(join(dir, 'blobs/sha256'), { recursive: true })
  for (const [digest, bytes] of allBlobs(image)) {
    await writeFile(join(dir, 'blobs', digestAlgorithm(digest), digestHex(digest)), bytes)
  }
  await writeFile(join(dir, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  const indexFile = join(dir, 'index.json')
  const index = await readFile(indexFile, 'utf8').then(
    (text) => JSON.parse(text) as ImageIndex,
    () => ({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] }) satisfies ImageIndex,
  )
  const name = 'org.opencontainers.image.ref.name'
  const others = index.manifests.filter((entry) => entry.annotations?.[name] !== tag)
  const entry = tag === undefined ? top : { ...top, annotations: { [name]: tag } }
  await writeFile(indexFile, json({ ...index, manifests: [...others, entry] }))
}

/** Everything that a registry or layout must hold for it: manifests, configs, layers. */
export function allBlobs(image: BuiltImage | BuiltIndex): Map<Digest, Uint8Array> {
  if (!('images' in image)) return new Map([...image.blobs, [image.manifestDigest, image.manifestBytes]])
  const blobs = new Map<Digest, Uint8Array>([[image.digest, image.bytes]])
  for (const one of image.images) for (const [digest, bytes] of allBlobs(one)) blobs.set(digest, bytes)
  return blobs
}

function buildLayer(spec: LayerSpec, docker: boolean): BuiltLayer {
  const compression = spec.compression ?? 'gzip'
  const tar = spec.tar ?? packTar(spec.entries ?? [])
  const blob = spec.blob ?? compressLayer(tar, compression)
  const mediaType = spec.mediaType ?? layerMediaType(compression, docker)
  const descriptor: Descriptor = {
    ...describe(blob, mediaType),
    ...(spec.urls ? { urls: spec.urls } : {}),
    ...(spec.annotations ? { annotations: spec.annotations } : {}),
  }
  return { descriptor, diffId: sha256Digest(tar), blob, tar }
}

function layerMediaType(compression: LayerCompression, docker: boolean): string {
  if (compression === 'gzip') return docker ? mediaTypes.dockerLayerGzip : mediaTypes.ociLayerGzip
  if (compression === 'zstd') return docker ? mediaTypes.dockerLayerZstd : mediaTypes.ociLayerZstd
  return docker ? mediaTypes.dockerLayer : mediaTypes.ociLayer
}

function describe(bytes: Uint8Array, mediaType: string): Descriptor {
  return { mediaType, digest: sha256Digest(bytes), size: bytes.length }
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value))
}
