import { isBootcError } from '@bootc-sdk/core'
import type { DirTree, OstreeRepo } from './api.js'
import { ioConcurrency, mapLimit } from '@bootc-sdk/core/store-kit'

/** What some commits need. */
export interface Reachable {
  readonly commits: Set<string>
  readonly trees: Set<string>
  readonly metas: Set<string>
  readonly files: Set<string>
}

export function nothingReachable(): Reachable {
  return { commits: new Set(), trees: new Set(), metas: new Set(), files: new Set() }
}

/**
 * Add a commit and its parents to a depth (−1: all). A parent that is missing ends history quietly.
 *
 * @throws BootcError `STORE_OSTREE_NO_OBJECT` for a missing root, or a missing dirtree of a commit that is
 *   not partial: nobody may delete anything then
 */
export async function addReachable(
  repo: OstreeRepo,
  reachable: Reachable,
  commit: string,
  depth: number,
  depthsSeen: Map<string, number>,
  signal?: AbortSignal,
): Promise<void> {
  let at: string | undefined = commit
  for (let left = depth; at !== undefined; left--) {
    signal?.throwIfAborted()
    const budget = depth < 0 ? Infinity : left
    if ((depthsSeen.get(at) ?? -1) >= budget) return
    depthsSeen.set(at, budget)
    if (at !== commit && !reachable.commits.has(at) && !(await repo.has('commit', at))) return
    const { parent, rootTree, rootMeta } = await repo.readCommit(at)
    if (!reachable.commits.has(at)) {
      reachable.commits.add(at)
      reachable.metas.add(rootMeta)
      await addTree(repo, reachable, rootTree, await repo.isPartial(at))
    }
    if (depth >= 0 && left <= 0) return
    at = parent
  }
}

async function addTree(
  repo: OstreeRepo,
  reachable: Reachable,
  root: string,
  partial: boolean,
): Promise<void> {
  let level = reachable.trees.has(root) ? [] : [root]
  while (level.length > 0) {
    for (const checksum of level) reachable.trees.add(checksum)
    const decoded = await readLevel(repo, level, partial)
    const next = new Set<string>()
    for (const { files, dirs } of decoded) {
      for (const { checksum } of files) reachable.files.add(checksum)
      for (const { tree, meta } of dirs) {
        reachable.metas.add(meta)
        if (!reachable.trees.has(tree)) next.add(tree)
      }
    }
    level = [...next]
  }
}

async function readLevel(repo: OstreeRepo, level: readonly string[], partial: boolean): Promise<DirTree[]> {
  if (!partial) return repo.readDirTrees(level)
  // What was never fetched has nothing below it.
  const found = await mapLimit(level, ioConcurrency, async (checksum) => {
    try {
      return await repo.readDirTree(checksum)
    } catch (error) {
      if (isBootcError(error, 'STORE_OSTREE_NO_OBJECT')) return undefined
      throw error
    }
  })
  return found.filter((tree) => tree !== undefined)
}
