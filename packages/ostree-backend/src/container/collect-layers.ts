import { isBootcError } from '@bootc-sdk/core'
import type { OstreeRepo } from '../repo/api.js'
import { imageRefPrefix, layerRefPrefix, layerRootPrefixes } from './names.js'
import { layerRef } from './ref-escape.js'
import { imageFacts } from './stored-image.js'

/**
 * Refs of layers that no image, deployment or base image needs. Everything whose commit has a manifest keeps
 * its layers; what cannot be read keeps nothing, but is not touched either.
 *
 * @param roots commits besides refs, and refs that are about to go
 * @see bootc 1.16.9, ostree-ext container/store.rs, gc_image_layers
 */
export async function unusedLayerRefs(
  repo: OstreeRepo,
  roots: { readonly commits: Iterable<string>; readonly goingRefs: ReadonlySet<string> },
): Promise<string[]> {
  const commits = new Set(roots.commits)
  for (const prefix of [imageRefPrefix, ...layerRootPrefixes]) {
    for (const [ref, commit] of await repo.listRefs(prefix)) {
      if (!roots.goingRefs.has(ref)) commits.add(commit)
    }
  }
  const used = new Set<string>()
  for (const checksum of commits) {
    for (const ref of await layerRefsOf(repo, checksum)) used.add(ref)
  }
  return [...(await repo.listRefs(layerRefPrefix)).keys()].filter((ref) => !used.has(ref))
}

async function layerRefsOf(repo: OstreeRepo, checksum: string): Promise<string[]> {
  try {
    const facts = imageFacts(await repo.readCommit(checksum), checksum)
    return (facts?.manifest.layers ?? []).map(({ digest }) => layerRef(digest))
  } catch (error) {
    if (isBootcError(error)) return []
    throw error
  }
}
