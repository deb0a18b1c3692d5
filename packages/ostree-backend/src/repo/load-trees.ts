import type { DirTree, ObjectMeta, OstreeRepo } from './api.js'
import { ioConcurrency, mapLimit } from '@bootc-sdk/core/store-kit'

/** Every directory below some roots, decoded; so that what follows can walk without waiting. */
export interface LoadedTrees {
  readonly trees: ReadonlyMap<string, DirTree>
  readonly metas: ReadonlyMap<string, ObjectMeta>
}

/**
 * Read whole trees, one level of directories at a time, each dirtree once.
 *
 * @throws BootcError `STORE_OSTREE_NO_OBJECT`, `STORE_OSTREE_CORRUPT`
 */
export async function loadTrees(
  repo: Pick<OstreeRepo, 'readDirTrees' | 'readDirMeta'>,
  roots: readonly { readonly tree: string; readonly meta: string }[],
  signal?: AbortSignal,
): Promise<LoadedTrees> {
  const trees = new Map<string, DirTree>()
  const metaNames = new Set(roots.map((root) => root.meta))
  let level = [...new Set(roots.map((root) => root.tree))]
  while (level.length > 0) {
    signal?.throwIfAborted()
    const decoded = await repo.readDirTrees(level)
    level.forEach((checksum, index) => trees.set(checksum, decoded[index]!))
    const next = new Set<string>()
    for (const { dirs } of decoded) {
      for (const { tree, meta } of dirs) {
        metaNames.add(meta)
        if (!trees.has(tree)) next.add(tree)
      }
    }
    level = [...next]
  }
  const names = [...metaNames]
  const decoded = await mapLimit(names, ioConcurrency, (name) => repo.readDirMeta(name))
  return { trees, metas: new Map(names.map((name, index) => [name, decoded[index]!])) }
}
