import { isBootcError, type Digest, type ImageConfig, type ImageManifest } from '@bootc-sdk/core'
import { lookup } from '../format/variant-dict.js'
import type { OstreeRepo } from '../repo/api.js'
import type { LayerKind } from './layer-kinds.js'
import { recordedDiffId } from './layer-records.js'
import {
  imageRefPrefix,
  importerVersionKey,
  layerRefPrefix,
  layerRootPrefixes,
  manifestDigestKey,
} from './names.js'
import { layerRef } from './ref-escape.js'
import { imageFacts } from './stored-image.js'

/**
 * Find the commits of layers that are in the repository: under their digest, else under the digest of another
 * compression of the same bytes (equal diffId) that some stored image names.
 *
 * A commit counts only when it is of the kind that is asked for: an image may use as an ordinary layer what
 * another unpacks as a commit. And only when it is known to be what this diffId stands for: the config of an image
 * may pair any digest with any diffId, and would have its content taken for a layer that it never had.
 */
export async function findKnownLayers(
  repo: OstreeRepo,
  image: { readonly manifest: ImageManifest; readonly config: ImageConfig },
  kinds: readonly LayerKind[],
): Promise<(string | undefined)[]> {
  const refs = await repo.listRefs(layerRefPrefix)
  if (refs.size === 0) return kinds.map(() => undefined)
  const stored = await storedLayers(repo, refs)
  const byDiffId = new Map([...stored].map(([digest, diffId]) => [diffId, refs.get(layerRef(digest))]))
  const { layers } = image.manifest
  const found: (string | undefined)[] = []
  for (const [i, { digest }] of layers.entries()) {
    // The reference importer looks up the first layer with this digest.
    const diffId = image.config.rootfs.diff_ids[layers.findIndex((layer) => layer.digest === digest)]!
    const kind = kinds[i]!
    const own = stored.get(digest) ?? (await recordedDiffId(repo, digest))
    const commit = own === diffId ? await usable(repo, refs.get(layerRef(digest)), kind) : undefined
    // Bytes that were seen to unpack to something else are no compression of these.
    const isOther = own !== undefined && own !== diffId
    found.push(commit ?? (isOther ? undefined : await usable(repo, byDiffId.get(diffId), kind)))
  }
  return found
}

async function usable(
  repo: OstreeRepo,
  commit: string | undefined,
  kind: LayerKind,
): Promise<string | undefined> {
  if (commit === undefined || !(await repo.has('commit', commit)) || (await repo.isPartial(commit))) {
    return undefined
  }
  const { metadata, timestamp } = await repo.readCommit(commit)
  const imported = lookup(metadata, importerVersionKey, 's') !== undefined
  switch (kind) {
    case 'derived':
      return imported && lookup(metadata, manifestDigestKey, 's') === undefined ? commit : undefined
    case 'component':
      return metadata.length === 0 && timestamp === 0 ? commit : undefined
    case 'commit':
      return imported ? undefined : commit
  }
}

/**
 * What the layers under refs unpack to: as it was seen, else as stored images say, if they all say the same.
 * Deployments keep images without a ref of their own.
 */
async function storedLayers(
  repo: OstreeRepo,
  layerRefs: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<Digest, Digest>> {
  const claims = new Map<Digest, Digest | undefined>()
  for (const commit of await imageCommits(repo)) {
    for (const { digest, diffId } of await layersOf(repo, commit)) {
      const isNew = !claims.has(digest)
      if (isNew || claims.get(digest) !== diffId) claims.set(digest, isNew ? diffId : undefined)
    }
  }
  const out = new Map<Digest, Digest>()
  for (const [digest, claimed] of claims) {
    if (!layerRefs.has(layerRef(digest))) continue
    const diffId = (await recordedDiffId(repo, digest)) ?? claimed
    if (diffId !== undefined) out.set(digest, diffId)
  }
  return out
}

async function imageCommits(repo: OstreeRepo): Promise<Set<string>> {
  const commits = new Set<string>()
  for (const prefix of [imageRefPrefix, ...layerRootPrefixes]) {
    for (const commit of (await repo.listRefs(prefix)).values()) commits.add(commit)
  }
  return commits
}

/** An image that cannot be read has no layers to offer. */
async function layersOf(repo: OstreeRepo, checksum: string): Promise<{ digest: Digest; diffId: Digest }[]> {
  try {
    const facts = imageFacts(await repo.readCommit(checksum), checksum)
    const diffIds = facts?.config.rootfs.diff_ids ?? []
    return (facts?.manifest.layers ?? []).flatMap(({ digest }, i) => {
      const diffId = diffIds[i]
      return diffId === undefined ? [] : [{ digest, diffId }]
    })
  } catch (error) {
    if (isBootcError(error)) return []
    throw error
  }
}
