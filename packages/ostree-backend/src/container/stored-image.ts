import type {
  CachedUpdate,
  Digest,
  ImageConfig,
  ImageManifest,
  ImageReference,
  StoredImage,
  StoredLayer,
} from '@bootc-sdk/core'
import { isBootcError } from '@bootc-sdk/core'
import { isDigest, parseImageReference } from '@bootc-sdk/core/oci'
import { corrupt } from '../format/errors.js'
import { lookup } from '../format/variant-dict.js'
import type { Commit, OstreeRepo, VariantDict } from '../repo/api.js'
import {
  cachedConfigKey,
  cachedManifestDigestKey,
  cachedManifestKey,
  configKey,
  imageRefPrefix,
  manifestDigestKey,
  manifestKey,
} from './names.js'
import { layerRef, unescapeFromRef } from './ref-escape.js'
import { storeName } from '../store-name.js'

/** What a merge commit says about its image. */
export interface ImageFacts {
  readonly manifestDigest: Digest
  readonly manifest: ImageManifest
  readonly config: ImageConfig
}

/**
 * Read the documents in a merge commit; undefined when the commit did not come from an image. Documents by
 * older writers may be in any key order, have more keys, or `"config":null`.
 *
 * @throws BootcError `STORE_OSTREE_CORRUPT` when they cannot be parsed
 */
export function imageFacts(commit: Pick<Commit, 'metadata'>, checksum: string): ImageFacts | undefined {
  const manifestDigest = lookup(commit.metadata, manifestDigestKey, 's')
  const manifest = lookup(commit.metadata, manifestKey, 's')
  const config = lookup(commit.metadata, configKey, 's')
  if (manifestDigest === undefined || manifest === undefined) return undefined
  if (!isDigest(manifestDigest)) throw corrupt(`${checksum}.commit`, 'bad manifest digest')
  return {
    manifestDigest,
    manifest: parseManifestDocument(manifest, checksum),
    config: parseConfigDocument(config ?? '{}', checksum),
  }
}

export function cachedUpdate(detached: VariantDict | undefined, checksum: string): CachedUpdate | undefined {
  if (detached === undefined) return undefined
  const manifestDigest = lookup(detached, cachedManifestDigestKey, 's')
  const manifest = lookup(detached, cachedManifestKey, 's')
  const config = lookup(detached, cachedConfigKey, 's')
  if (!isDigest(manifestDigest) || manifest === undefined || config === undefined) return undefined
  return {
    manifestDigest,
    manifest: parseManifestDocument(manifest, checksum),
    config: parseConfigDocument(config, checksum),
  }
}

/** Reference behind an image ref; undefined for names that this escaping did not make. */
export function referenceOfRef(ref: string): ImageReference | undefined {
  if (!ref.startsWith(`${imageRefPrefix}/`)) return undefined
  const text = unescapeFromRef(ref.slice(imageRefPrefix.length + 1))
  if (text === undefined) return undefined
  try {
    return parseImageReference(text)
  } catch {
    return undefined
  }
}

/** @param layerRefs refs below `ostree/container/blob` with their commits */
export function storedImage(
  id: string,
  facts: ImageFacts,
  layerRefs: ReadonlyMap<string, string>,
  reference: ImageReference | undefined,
  update: CachedUpdate | undefined,
): StoredImage {
  return {
    store: storeName,
    id,
    ...(reference === undefined ? {} : { reference }),
    manifestDigest: facts.manifestDigest,
    configDigest: facts.manifest.config.digest,
    manifest: facts.manifest,
    config: facts.config,
    layers: storedLayers(facts, layerRefs),
    ...(update === undefined ? {} : { cachedUpdate: update }),
  }
}

/** Layers by manifest order. `id` is empty for a layer whose ref somebody removed. */
export function storedLayers(
  { manifest, config }: Pick<ImageFacts, 'manifest' | 'config'>,
  layerRefs: ReadonlyMap<string, string>,
): StoredLayer[] {
  return manifest.layers.map(({ digest }, i) => {
    const ref = layerRef(digest)
    return { digest, diffId: config.rootfs.diff_ids[i] ?? digest, ref, id: layerRefs.get(ref) ?? '' }
  })
}

/** Facts and cached update of an image by its commit. */
export async function readImage(
  repo: OstreeRepo,
  checksum: string,
  layerRefs: ReadonlyMap<string, string>,
  reference?: ImageReference,
): Promise<StoredImage | undefined> {
  const facts = imageFacts(await repo.readCommit(checksum), checksum)
  if (facts === undefined) return undefined
  const update = await readableUpdate(repo, checksum)
  return storedImage(checksum, facts, layerRefs, reference, update)
}

/** It is what a check for updates left behind: no reason to take the image for damaged, and have it pruned. */
async function readableUpdate(repo: OstreeRepo, checksum: string): Promise<CachedUpdate | undefined> {
  try {
    return cachedUpdate(await repo.readDetached(checksum), checksum)
  } catch (error) {
    if (isBootcError(error)) return undefined
    throw error
  }
}

function parseManifestDocument(text: string, checksum: string): ImageManifest {
  const value = parseObject(text, checksum, 'manifest')
  const { config, layers } = value as Partial<ImageManifest>
  if (
    !isDigest(config?.digest) ||
    !Array.isArray(layers) ||
    !layers.every((layer) => isDigest(layer?.digest))
  ) {
    throw corrupt(`${checksum}.commit`, 'stored manifest lacks digests')
  }
  return value as unknown as ImageManifest
}

/** Readers rely on `rootfs`, so one is put where it is missing. */
function parseConfigDocument(text: string, checksum: string): ImageConfig {
  const { config, rootfs, ...rest } = parseObject(text, checksum, 'config') as Partial<ImageConfig>
  const diffIds = rootfs?.diff_ids
  return {
    architecture: '',
    os: 'linux',
    ...rest,
    ...(config === undefined || config === null ? {} : { config }),
    rootfs: { type: 'layers', diff_ids: Array.isArray(diffIds) ? diffIds.filter(isDigest) : [] },
  }
}

function parseObject(text: string, checksum: string, what: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw corrupt(`${checksum}.commit`, `stored ${what} is not JSON`, cause)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw corrupt(`${checksum}.commit`, `stored ${what} is no object`)
  }
  return value as Record<string, unknown>
}
