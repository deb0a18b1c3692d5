import type { DirTree, OstreeRepo } from './api.js'
import { requireRev } from './require-rev.js'

/** Absolute paths, in the order `ostree diff` prints them. */
export interface TreeDiff {
  readonly modified: readonly string[]
  /** Of a directory that went only the directory itself. */
  readonly removed: readonly string[]
  /** Of a directory that came everything below it too. */
  readonly added: readonly string[]
}

interface Lists {
  readonly modified: string[]
  readonly removed: string[]
  readonly added: string[]
}

/** Compare two revisions by checksums alone; no file is read. */
export async function diffCommits(repo: OstreeRepo, from: string, to: string): Promise<TreeDiff> {
  const [a, b] = [
    await repo.readCommit(await requireRev(repo, from)),
    await repo.readCommit(await requireRev(repo, to)),
  ]
  const lists: Lists = { modified: [], removed: [], added: [] }
  if (a.rootTree !== b.rootTree) await diffTrees(repo, a.rootTree, b.rootTree, '', lists)
  return lists
}

/** Lines `M    /path`, then `D`, then `A`. */
export function formatDiff(diff: TreeDiff): string {
  const lines = (letter: string, paths: readonly string[]) => paths.map((path) => `${letter}    ${path}\n`)
  return [...lines('M', diff.modified), ...lines('D', diff.removed), ...lines('A', diff.added)].join('')
}

async function diffTrees(
  repo: OstreeRepo,
  from: string,
  to: string,
  path: string,
  lists: Lists,
): Promise<void> {
  const [a, b] = [await repo.readDirTree(from), await repo.readDirTree(to)]
  const files = new Map(b.files.map((file) => [file.name, file.checksum]))
  const dirs = new Map(b.dirs.map((dir) => [dir.name, dir]))
  for (const { name, checksum } of a.files) {
    const other = files.get(name)
    if (other === undefined && !dirs.has(name)) lists.removed.push(`${path}/${name}`)
    else if (other !== checksum) lists.modified.push(`${path}/${name}`)
  }
  for (const { name, tree, meta } of a.dirs) {
    const other = dirs.get(name)
    const below = `${path}/${name}`
    if (other === undefined) {
      ;(files.has(name) ? lists.modified : lists.removed).push(below)
      continue
    }
    if (other.meta !== meta) lists.modified.push(below)
    if (other.tree !== tree) await diffTrees(repo, tree, other.tree, below, lists)
  }
  const known = new Set([...a.files, ...a.dirs].map(({ name }) => name))
  await addNew(
    repo,
    {
      files: b.files.filter(({ name }) => !known.has(name)),
      dirs: b.dirs.filter(({ name }) => !known.has(name)),
    },
    path,
    lists,
  )
}

async function addNew(repo: OstreeRepo, tree: DirTree, path: string, lists: Lists): Promise<void> {
  for (const { name } of tree.files) lists.added.push(`${path}/${name}`)
  for (const { name, tree: below } of tree.dirs) {
    lists.added.push(`${path}/${name}`)
    await addNew(repo, await repo.readDirTree(below), `${path}/${name}`, lists)
  }
}
