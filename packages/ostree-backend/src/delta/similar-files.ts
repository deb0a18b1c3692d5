import type { DirTree, OstreeRepo } from '../repo/api.js'

/** Another size by more than this share is another file. */
const maxSizeChange = 0.3

/**
 * For files of a commit that another one does not have: what may be an older version of each. What lay at the same
 * path; else a file of the same name somewhere else (kernels and their modules lie in directories of the version),
 * or of the same name up to its first dot (libraries), that is about as large.
 *
 * @returns checksum of the older file by that of the new one
 */
export async function similarFiles(repo: OstreeRepo, from: string, to: string): Promise<Map<string, string>> {
  const [old, now] = [await repo.readCommit(from), await repo.readCommit(to)]
  const found = new Map<string, string>()
  const moved = new Map<string, string>()
  const pairs: (readonly [before: string | undefined, after: string])[] = [[old.rootTree, now.rootTree]]
  for (let pair = pairs.pop(); pair !== undefined; pair = pairs.pop()) {
    const [before, after] = pair
    if (before === after) continue
    const newTree = await repo.readDirTree(after)
    const oldTree = before === undefined ? undefined : await repo.readDirTree(before)
    const files = new Map(oldTree?.files.map(({ name, checksum }) => [name, checksum]))
    for (const { name, checksum } of newTree.files) {
      const source = files.get(name)
      if (source === undefined) moved.set(checksum, name)
      else if (source !== checksum) found.set(checksum, source)
    }
    const dirs = new Map(oldTree?.dirs.map(({ name, tree }) => [name, tree]))
    for (const { name, tree } of newTree.dirs) pairs.push([dirs.get(name), tree])
  }
  for (const checksum of found.keys()) moved.delete(checksum)
  if (moved.size > 0) await findMoved(repo, old.rootTree, moved, found)
  return found
}

async function findMoved(
  repo: OstreeRepo,
  root: string,
  moved: ReadonlyMap<string, string>,
  found: Map<string, string>,
): Promise<void> {
  const wanted = new Set([...moved.values()].flatMap((name) => [name, stemOf(name)]))
  const candidates = await filesByName(repo, root, wanted)
  const sizes = new Map<string, number | undefined>()
  const sizeOf = async (checksum: string) => {
    if (!sizes.has(checksum)) {
      const { symlinkTarget, sizeBytes } = await repo.fileHeader(checksum)
      sizes.set(checksum, symlinkTarget === undefined ? sizeBytes : undefined)
    }
    return sizes.get(checksum)
  }
  for (const [checksum, name] of moved) {
    for (const key of [name, stemOf(name)]) {
      const named = candidates.get(key)
      if (named === undefined || named.has(checksum)) continue
      const size = await sizeOf(checksum)
      if (size === undefined || size === 0) break
      let best: { readonly checksum: string; readonly change: number } | undefined
      for (const each of named) {
        const other = await sizeOf(each)
        if (other === undefined || other === 0) continue
        const change = Math.abs(other - size)
        if (change <= size * maxSizeChange && (best === undefined || change < best.change)) {
          best = { checksum: each, change }
        }
      }
      if (best === undefined) continue
      found.set(checksum, best.checksum)
      break
    }
  }
}

/** Files of a tree by their name, and by its stem, which ends in a dot so that the two are not taken for each other. */
async function filesByName(
  repo: OstreeRepo,
  root: string,
  wanted: ReadonlySet<string>,
): Promise<Map<string, Set<string>>> {
  const out = new Map<string, Set<string>>()
  const seen = new Set<string>()
  for (let level = [root]; level.length > 0;) {
    for (const tree of level) seen.add(tree)
    const next = new Set<string>()
    for (const { files, dirs } of (await repo.readDirTrees(level)) as DirTree[]) {
      for (const { name, checksum } of files) {
        for (const key of new Set([name, stemOf(name)])) {
          if (!wanted.has(key)) continue
          const named = out.get(key) ?? new Set()
          // Names like `__init__.py` stand for nothing in particular.
          if (named.size < maxNamed) out.set(key, named.add(checksum))
        }
      }
      for (const { tree } of dirs) if (!seen.has(tree)) next.add(tree)
    }
    level = [...next]
  }
  return out
}

const maxNamed = 64

function stemOf(name: string): string {
  const dot = name.indexOf('.')
  return dot > 0 ? name.slice(0, dot + 1) : name
}
