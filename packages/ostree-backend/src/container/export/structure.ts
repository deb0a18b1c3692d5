import type { ObjectMeta } from '../../repo/api.js'
import type { CommitContents } from './commit-contents.js'
import { containerPath } from './entries.js'

/** What the layer of a commit holds besides content: directories for containers, and metadata objects. */
export type StructureItem =
  | { readonly kind: 'directory'; readonly path: string; readonly meta: ObjectMeta }
  | { readonly kind: 'dirtree' | 'dirmeta'; readonly checksum: string }

/** Containers expect /var/tmp, which a commit rarely has: /var is filled at boot. */
const varTmp: StructureItem = {
  kind: 'directory',
  path: 'var/tmp',
  meta: { uid: 0, gid: 0, mode: 0o041777, xattrs: [] },
}

/**
 * In the order of the reference exporter: the root's dirmeta; for each directory its dirtree, then for each one in it
 * the dirmeta, an entry, and what is below.
 *
 * `/sysroot` gets no entry, since the layers have one already. The reference leaves its dirtree out, too, with what
 * is below, and its image lacks them unless another directory is equal; here they come at the end.
 */
export function* commitStructure({ commit, trees, metas }: CommitContents): Generator<StructureItem> {
  const written = new Set<string>()
  let hasVarTmp = false
  function* once(kind: 'dirtree' | 'dirmeta', checksum: string): Generator<StructureItem> {
    const key = kind + checksum
    if (written.has(key)) return
    written.add(key)
    yield { kind, checksum }
  }
  function* below(tree: string, path: string): Generator<StructureItem> {
    yield* once('dirtree', tree)
    if (path === 'var/tmp/') hasVarTmp = true
    for (const dir of trees.get(tree)!.dirs) {
      yield* once('dirmeta', dir.meta)
      if (path === '' && dir.name === 'sysroot') continue
      const dirPath = containerPath(path + dir.name)
      // Headers drop the "./", but the entry that holds a long name has it.
      yield { kind: 'directory', path: `./${dirPath}`, meta: metas.get(dir.meta)! }
      yield* below(dir.tree, `${dirPath}/`)
    }
  }
  function* objectsBelow(tree: string): Generator<StructureItem> {
    if (written.has(`dirtree${tree}`)) return
    yield* once('dirtree', tree)
    for (const dir of trees.get(tree)!.dirs) {
      yield* once('dirmeta', dir.meta)
      yield* objectsBelow(dir.tree)
    }
  }
  yield* once('dirmeta', commit.rootMeta)
  yield* below(commit.rootTree, '')
  const sysroot = trees.get(commit.rootTree)!.dirs.find(({ name }) => name === 'sysroot')
  if (sysroot !== undefined) yield* objectsBelow(sysroot.tree)
  if (!hasVarTmp) yield varTmp
}
