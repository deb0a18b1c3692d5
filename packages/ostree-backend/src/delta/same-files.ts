import type { DirTree, OstreeRepo } from '../repo/api.js'

/**
 * For files of a commit that another one does not have: what lay at the same path there. By checksum of the new file.
 */
export async function sameFiles(repo: OstreeRepo, from: string, to: string): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  const [old, now] = [await repo.readCommit(from), await repo.readCommit(to)]
  const pairs = [[old.rootTree, now.rootTree] as const]
  for (let pair = pairs.pop(); pair !== undefined; pair = pairs.pop()) {
    const [before, after] = pair
    if (before === after) continue
    const [oldTree, newTree] = (await repo.readDirTrees([before, after])) as [DirTree, DirTree]
    const files = new Map(oldTree.files.map(({ name, checksum }) => [name, checksum]))
    for (const { name, checksum } of newTree.files) {
      const source = files.get(name)
      if (source !== undefined && source !== checksum) found.set(checksum, source)
    }
    const dirs = new Map(oldTree.dirs.map(({ name, tree }) => [name, tree]))
    for (const { name, tree } of newTree.dirs) {
      const source = dirs.get(name)
      if (source !== undefined) pairs.push([source, tree])
    }
  }
  return found
}
