import { isBootcError } from '@bootc-sdk/core'
import { objectName } from '../format/checksum.js'
import { encodeDict } from '../format/variant-dict.js'
import type { ObjectType, OstreeRepo, PruneOptions } from './api.js'
import type { RepoContext } from './context.js'
import { ioConcurrency, mapLimit } from '@bootc-sdk/core/store-kit'
import { listObjects, type ObjectEntry } from './list-objects.js'
import { lockRepo } from './lock.js'
import { addReachable, nothingReachable, type Reachable } from './reachable.js'
import { listMirrorRefs } from './refs.js'
import { requireRev } from './require-rev.js'
import { removeStale } from './staging.js'

/**
 * Delete every object that no root needs. Commits go first: what is left after a crash is garbage, never a
 * commit with holes.
 *
 * @returns `total` objects before, `pruned` and their `bytes`
 */
export async function pruneRepo(
  repo: OstreeRepo,
  context: RepoContext,
  options: PruneOptions,
): Promise<{ total: number; pruned: number; bytes: number }> {
  const { dir } = context
  await using _lock = await lockRepo(context, true, options)
  if (options.dryRun !== true) await removeStale(dir)
  const objects = await listObjects(context)
  const reachable = await findReachable(repo, objects, options)
  const doomed = objects.filter((object) => !isKept(object, reachable))
  const bytes = (
    await mapLimit(
      doomed,
      ioConcurrency,
      async ({ name }) => (await dir.stat(`objects/${name}`))?.sizeBytes ?? 0,
    )
  ).reduce((sum, size) => sum + size, 0)
  if (options.dryRun !== true && doomed.length > 0) {
    const commits = doomed.filter(({ type }) => type === 'commit')
    await mapLimit(commits, ioConcurrency, async ({ checksum, name }) => {
      options.signal?.throwIfAborted()
      await dir.remove(`objects/${name}`)
      await dir.remove(`state/${checksum}.commitpartial`)
      await buryCommit(context, checksum)
    })
    if (commits.length > 0 && context.config.bool('core', 'fsync', true)) await dir.sync()
    await removeDeltas(context, new Set(commits.map(({ checksum }) => checksum)))
    const others = doomed.filter(({ type }) => type !== 'commit')
    await mapLimit(others, ioConcurrency, async ({ name }) => {
      options.signal?.throwIfAborted()
      await dir.remove(`objects/${name}`)
    })
  }
  return { total: objects.length, pruned: doomed.length, bytes }
}

async function findReachable(
  repo: OstreeRepo,
  objects: readonly ObjectEntry[],
  options: PruneOptions,
): Promise<Reachable> {
  const depth = options.depth ?? -1
  const roots = new Set<string>([
    ...(await repo.listRefs()).values(),
    ...(await listMirrorRefs(repo.dir)).values(),
  ])
  for (const rev of options.keep ?? []) roots.add(await requireRev(repo, rev))
  if (options.refsOnly !== true) {
    for (const { type, checksum } of objects) if (type === 'commit') roots.add(checksum)
  }
  const reachable = nothingReachable()
  const seen = new Map<string, number>()
  for (const root of roots) await addReachable(repo, reachable, root, depth, seen, options.signal)
  return reachable
}

function isKept({ type, checksum }: ObjectEntry, reachable: Reachable): boolean {
  const sets: Record<ObjectType, ReadonlySet<string> | undefined> = {
    file: reachable.files,
    dirtree: reachable.trees,
    dirmeta: reachable.metas,
    commit: reachable.commits,
    commitmeta: reachable.commits,
    'tombstone-commit': undefined,
  }
  return sets[type]?.has(checksum) ?? true
}

/** Leave a note of a deleted commit where the repository is configured to. */
async function buryCommit({ dir, mode, config }: RepoContext, checksum: string): Promise<void> {
  if (!config.bool('core', 'tombstone-commits', false)) return
  const value = Buffer.from(`${checksum}\0`)
  await dir.write(
    `objects/${objectName('tombstone-commit', checksum, mode)}`,
    encodeDict([['commit', { type: 'ay', value }]]),
    { mode: 0o644 },
  )
}

/** Static deltas to commits that are gone: `deltas/XX/REST[-TARGET]`, names in base64 with `_` for `/`. */
async function removeDeltas({ dir }: RepoContext, gone: ReadonlySet<string>): Promise<void> {
  if (gone.size === 0 || (await dir.stat('deltas')) === undefined) return
  for await (const { name: prefix } of dir.list('deltas')) {
    const names: string[] = []
    try {
      for await (const { name } of dir.list(`deltas/${prefix}`)) names.push(name)
    } catch (error) {
      if (!isBootcError(error, 'TREE_NOT_DIRECTORY')) throw error
    }
    for (const name of names) {
      const target = (prefix + name).split('-').at(-1)!.replaceAll('_', '/')
      if (gone.has(Buffer.from(target, 'base64').toString('hex')))
        await dir.remove(`deltas/${prefix}/${name}`)
    }
  }
}
