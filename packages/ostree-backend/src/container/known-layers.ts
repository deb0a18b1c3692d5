import { isBootcError, type Digest, type ImageConfig, type ImageManifest } from '@bootc-sdk/core'
import { lookup } from '../format/variant-dict.js'
import type { OstreeRepo } from '../repo/api.js'
import type { LayerKind } from './layer-kinds.js'
import { imageRefPrefix, importerVersionKey, layerRefPrefix, manifestDigestKey } from './names.js'
import { layerRef } from './ref-escape.js'
import { imageFacts } from './stored-image.js'

/**
 * Find the commits of layers that are in the repository: under their digest, else under the digest of another
 * compression of the same bytes (equal diffId) that some stored image names.
 *
 * A commit counts only when it is of the kind that is asked for: an image may use as an ordinary layer what
 * another unpacks as a commit.
 */
export async function findKnownLayers(
  repo: OstreeRepo,
  image: { readonly manifest: ImageManifest; readonly config: ImageConfig },
  kinds: readonly LayerKind[],
): Promise<(string | undefined)[]> {
  const refs = await repo.listRefs(layerRefPrefix)
  let byDiffId: ReadonlyMap<Digest, string> | undefined
  const diffIds = image.config.rootfs.diff_ids
  const found: (string | undefined)[] = []
  for (const [i, { digest }] of image.manifest.layers.entries()) {
    const kind = kinds[i]!
    let commit = await usable(repo, refs.get(layerRef(digest)), kind)
    if (commit === undefined && refs.size > 0) {
      byDiffId ??= await layersByDiffId(repo, refs)
      // The reference importer looks up the first layer with this digest.
      const first = image.manifest.layers.findIndex((layer) => layer.digest === digest)
      commit = await usable(repo, byDiffId.get(diffIds[first]!), kind)
    }
    found.push(commit)
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

async function layersByDiffId(
  repo: OstreeRepo,
  layerRefs: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<Digest, string>> {
  const out = new Map<Digest, string>()
  for (const checksum of new Set((await repo.listRefs(imageRefPrefix)).values())) {
    for (const { diffId, ref } of await layersOf(repo, checksum)) {
      const commit = layerRefs.get(ref)
      if (commit !== undefined && !out.has(diffId)) out.set(diffId, commit)
    }
  }
  return out
}

/** An image that cannot be read has no layers to offer. */
async function layersOf(repo: OstreeRepo, checksum: string): Promise<{ diffId: Digest; ref: string }[]> {
  try {
    const facts = imageFacts(await repo.readCommit(checksum), checksum)
    const diffIds = facts?.config.rootfs.diff_ids ?? []
    return (facts?.manifest.layers ?? []).flatMap(({ digest }, i) => {
      const diffId = diffIds[i]
      return diffId === undefined ? [] : [{ diffId, ref: layerRef(digest) }]
    })
  } catch (error) {
    if (isBootcError(error)) return []
    throw error
  }
}
