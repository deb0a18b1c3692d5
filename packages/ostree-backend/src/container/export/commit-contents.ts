import { invalid } from '../../format/errors.js'
import type { Commit, DirTree, ObjectMeta, OstreeRepo } from '../../repo/api.js'
import { loadTrees } from '../../repo/load-trees.js'
import { requireWhole } from './require-whole.js'

/** A commit, ready to be laid out in layers. */
export interface CommitContents {
  readonly checksum: string
  readonly commit: Commit
  readonly trees: ReadonlyMap<string, DirTree>
  readonly metas: ReadonlyMap<string, ObjectMeta>
  /** Content objects with their paths, relative; per directory files come before what subdirectories hold. */
  readonly files: ReadonlyMap<string, readonly string[]>
}

/** PATH_MAX of Linux without its NUL: nothing longer can be checked out. Also bounds the depth of recursion. */
const maxPathBytes = 4095
/** A few directories that hold each other many times over can stand for any number of files. */
const maxPaths = 4_000_000

/**
 * Load all of a commit but its content.
 *
 * @throws BootcError `STORE_OSTREE_NO_OBJECT`, `STORE_OSTREE_PARTIAL`, `STORE_OSTREE_CORRUPT`;
 *   `STORE_OSTREE_INVALID` for trees that no file system can hold
 */
export async function loadCommit(
  repo: OstreeRepo,
  checksum: string,
  signal?: AbortSignal,
): Promise<CommitContents> {
  const commit = await repo.readCommit(checksum)
  await requireWhole(repo, checksum)
  const root = { tree: commit.rootTree, meta: commit.rootMeta }
  const { trees, metas } = await loadTrees(repo, [root], signal)
  return { checksum, commit, trees, metas, files: filesOf(trees, commit.rootTree) }
}

function filesOf(trees: ReadonlyMap<string, DirTree>, root: string): Map<string, string[]> {
  const files = new Map<string, string[]>()
  let count = 0
  const walk = (tree: string, path: string): void => {
    const { files: names, dirs } = trees.get(tree)!
    for (const { name, checksum } of names) {
      const paths = files.get(checksum)
      if (paths === undefined) files.set(checksum, [checkedPath(path + name)])
      else paths.push(checkedPath(path + name))
    }
    count += names.length + dirs.length
    if (count > maxPaths) throw invalid('commit', `has more than ${maxPaths} paths`)
    for (const dir of dirs) walk(dir.tree, `${checkedPath(path + dir.name)}/`)
  }
  walk(root, '')
  return files
}

function checkedPath(path: string): string {
  if (path.length * 3 > maxPathBytes && Buffer.byteLength(path) > maxPathBytes) {
    throw invalid('commit', `has a path of more than ${maxPathBytes} bytes`)
  }
  return path
}
