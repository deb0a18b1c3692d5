import { BootcError } from '../errors.js'
import type { Dir, ReadTree, Stat } from '../interfaces/tree.js'
import { comparePaths, parentPath } from '../names/index.js'
import { findEtcConflicts } from './conflicts.js'
import { copyEntry, metaOf } from './copy.js'
import { diffEtc } from './diff.js'
import { findShadowed, findSkipped } from './report.js'
import { statReachable } from './stat.js'
import type { EtcDiff, EtcMergeReport, EtcOptions, EtcTrees } from './types.js'

/** What `mergeEtc` would do. Writes nothing and does not throw for conflicts. */
export async function planEtcMerge(trees: EtcTrees, options: EtcOptions = {}): Promise<EtcMergeReport> {
  const diff = await diffEtc(trees.pristine, trees.current, options)
  return {
    ...diff,
    conflicts: await findEtcConflicts(trees, diff, options),
    shadowed: await findShadowed(trees, diff, options),
    skipped: await findSkipped(trees, diff, options),
  }
}

/**
 * Carry local changes over: apply how `current` differs from `pristine` to `target`, which holds the new
 * image's defaults. The local version always wins; what was not changed follows the new image; what was
 * removed stays removed.
 *
 * Applying it again to a target seeded afresh gives the same result; a target in which it was interrupted has
 * to be seeded again. Nothing is durable before `target.sync()`.
 *
 * @throws BootcError `DEPLOY_ETC_CONFLICT` before the first write; `details.conflicts` lists them
 */
export async function mergeEtc(
  trees: { readonly pristine: ReadTree; readonly current: ReadTree; readonly target: Dir },
  options: EtcOptions = {},
): Promise<EtcMergeReport> {
  const { pristine, current, target } = trees
  const report = await planEtcMerge({ pristine, current, fresh: target }, options)
  const { conflicts } = report
  if (conflicts.length > 0) {
    throw new BootcError('DEPLOY_ETC_CONFLICT', conflicts.map(({ message }) => message).join('; '), {
      details: { conflicts },
    })
  }
  const apply = options.policy === 'composefs' ? applyComposefs : applyOstree
  await apply(current, target, report, options)
  return report
}

/** @see ostree 2026.4 src/libostree/ostree-sysroot-deploy.c; what it does is recorded in this module's tests */
async function applyOstree(
  current: ReadTree,
  target: Dir,
  diff: EtcDiff,
  options: EtcOptions,
): Promise<void> {
  const copied = new Set<string>()
  await removeAll(target, diff.removed, options)
  for (const path of [...diff.modified, ...diff.added]) {
    options.signal?.throwIfAborted()
    if (isBelow(path, copied)) continue
    const stat = await current.stat(path)
    if (stat === undefined) continue
    const parent = parentPath(path)
    // The directory around a change gets the local attributes, those further up only when they are missing.
    if (parent !== '') await adoptDirectory(current, target, parent)
    const there = await target.stat(path)
    // What is in it has its own places in the lists.
    if (there?.type === 'directory') continue
    if (there !== undefined) await target.remove(path)
    await copyEntry(current, path, stat, target, options.signal)
    if (stat.type === 'directory') copied.add(path)
  }
}

/** @see bootc 1.16.9, crate etc-merge */
async function applyComposefs(
  current: ReadTree,
  target: Dir,
  diff: EtcDiff,
  options: EtcOptions,
): Promise<void> {
  // Parents first: a directory may have taken the place of a file.
  for (const path of [...diff.added, ...diff.modified].sort(comparePaths)) {
    options.signal?.throwIfAborted()
    const stat = await current.stat(path)
    if (stat === undefined) continue
    await makeParents(current, target, path)
    const there = await target.stat(path)
    if (stat.type === 'directory' && there?.type === 'directory') {
      await target.setMeta(path, await metaOf(current, path, stat, target))
      continue
    }
    if (there !== undefined) await target.remove(path)
    if (stat.type === 'directory') await target.mkdir(path, await metaOf(current, path, stat, target))
    else await copyEntry(current, path, stat, target, options.signal)
  }
  await removeAll(target, diff.removed, options)
}

async function removeAll(target: Dir, paths: readonly string[], options: EtcOptions): Promise<void> {
  for (const path of paths) {
    options.signal?.throwIfAborted()
    // Below what is a file or a link now there is nothing to remove.
    if ((await statReachable(target, path)) !== undefined) await target.remove(path)
  }
}

/** Make a directory of the target look like the local one, its missing ancestors too. */
async function adoptDirectory(current: ReadTree, target: Dir, path: string): Promise<void> {
  await makeParents(current, target, path)
  const stat = await directoryStat(current, path)
  const meta = await metaOf(current, path, stat, target)
  if ((await target.stat(path)) === undefined) await target.mkdir(path, meta)
  else await target.setMeta(path, meta)
}

/** Missing ancestors of a path, with the attributes that they have locally. */
async function makeParents(current: ReadTree, target: Dir, path: string): Promise<void> {
  const parent = parentPath(path)
  if (parent === '' || (await statReachable(target, parent)) !== undefined) return
  await makeParents(current, target, parent)
  await target.mkdir(parent, await metaOf(current, parent, await directoryStat(current, parent), target))
}

async function directoryStat(current: ReadTree, path: string): Promise<Stat> {
  const stat = await current.stat(path)
  if (stat !== undefined) return stat
  throw new BootcError('TREE_NOT_FOUND', `/etc/${path} vanished while /etc was merged`, { details: { path } })
}

function isBelow(path: string, roots: ReadonlySet<string>): boolean {
  for (let parent = parentPath(path); parent !== ''; parent = parentPath(parent)) {
    if (roots.has(parent)) return true
  }
  return false
}
