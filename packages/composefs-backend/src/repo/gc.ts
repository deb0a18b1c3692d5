import type { OpOptions } from '@bootc-sdk/core'
import { objectPath, type ObjectId } from '../format/types.js'
import type { GcResult } from './api.js'
import type { RepoContext } from './context.js'
import { ioConcurrency, mapLimit } from '@bootc-sdk/core/store-kit'
import { isObjectId } from './links.js'
import { findLive, type GcRoots, type Liveness } from './live-objects.js'
import type { ListedObject, ObjectStore } from './object-store.js'
import { Problems } from './problems.js'
import { removeForeignStale, removeStale } from './staging.js'

/**
 * Delete what nothing needs. Links go first, synced, then objects: a power cut leaves garbage, never a link to
 * nothing. Where composefs-rs stops at the first thing that it does not understand, this reports it; but when
 * something that is alive cannot be read, nothing is deleted at all, since nobody knows what it needs.
 *
 * The caller holds the lock exclusively, unless it is a dry run.
 */
export async function collectGarbage(
  context: RepoContext,
  store: ObjectStore,
  roots: GcRoots,
  options: OpOptions & { readonly dryRun?: boolean },
): Promise<GcResult> {
  const { dir } = context
  const { signal, dryRun = false } = options
  const problems = new Problems()
  signal?.throwIfAborted()
  if (!dryRun) {
    await removeStale(dir)
    await removeForeignStale(dir)
  }
  const liveness = await findLive(context, store, roots, problems, signal)
  if (liveness.uncertain) {
    return { objects: 0, bytes: 0, images: 0, streams: 0, problems: problems.list }
  }
  const { dead, present } = await findDead(context, store, liveness.live, problems, signal)
  const links = deadLinks(liveness, new Set(dead.map(({ id }) => id)), present)
  if (!dryRun) {
    signal?.throwIfAborted()
    for (const path of links.paths) await dir.remove(path)
    if (links.paths.length > 0) await dir.sync()
    await mapLimit(dead, ioConcurrency, async ({ id }) => {
      signal?.throwIfAborted()
      await dir.remove(`objects/${objectPath(id)}`)
    })
    if (dead.length > 0) await dir.sync()
  }
  return {
    objects: dead.length,
    bytes: dead.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    images: links.images,
    streams: links.streams,
    problems: problems.list,
  }
}

async function findDead(
  { meta }: RepoContext,
  store: ObjectStore,
  live: ReadonlySet<ObjectId>,
  problems: Problems,
  signal: AbortSignal | undefined,
): Promise<{ dead: ListedObject[]; present: Set<ObjectId> }> {
  const dead: ListedObject[] = []
  const present = new Set<ObjectId>()
  for (const prefix of await store.prefixes()) {
    signal?.throwIfAborted()
    for (const name of await store.names(prefix)) {
      const id = prefix + name
      if (!isObjectId(id, meta.algorithm)) {
        problems.add('object-invalid-name', `objects/${prefix}/${name}`, 'is not the name of an object')
        continue
      }
      present.add(id)
      if (live.has(id)) continue
      const stat = await store.stat(prefix, name)
      if (stat?.isFile === true) dead.push({ id, sizeBytes: stat.sizeBytes })
      else problems.add('object-open-failed', `objects/${prefix}/${name}`, 'is not a regular file')
    }
  }
  return { dead, present }
}

/** Links to what goes or is gone already, and references to those and to nothing. */
function deadLinks(
  { entries, dangling }: Liveness,
  dead: ReadonlySet<ObjectId>,
  present: ReadonlySet<ObjectId>,
): { paths: string[]; images: number; streams: number } {
  const paths = [...dangling]
  const count = { images: 0, streams: 0 }
  for (const path of dangling) count[path.startsWith('images/') ? 'images' : 'streams']++
  for (const kind of ['images', 'streams'] as const) {
    for (const [name, id] of entries[kind]) {
      if (present.has(id) && !dead.has(id)) continue
      paths.push(`${kind}/${name}`)
      count[kind]++
    }
  }
  return { paths, ...count }
}
