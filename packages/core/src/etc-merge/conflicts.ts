import type { EntryType } from '../interfaces/tree.js'
import { parentPath } from '../names/index.js'
import { statReachable } from './stat.js'
import type { EtcConflict, EtcDiff, EtcOptions, EtcTrees } from './types.js'

/** Types of a path on the three sides; undefined where absent. */
interface Types {
  readonly pristine: EntryType | undefined
  readonly current: EntryType | undefined
  readonly fresh: EntryType | undefined
}

/**
 * Changes that the merge would fail on, found without writing.
 *
 * libostree refuses a local file where the new default is a directory, whatever the old default was, and a
 * change below what is no longer a directory. bootc's rules for composefs refuse both directions, but only
 * when the default changed its kind: who made a directory of a file, or the reverse, gets what he made.
 */
export async function findEtcConflicts(
  trees: EtcTrees,
  diff: EtcDiff,
  options: EtcOptions = {},
): Promise<EtcConflict[]> {
  const { policy = 'ostree', signal } = options
  const changed = new Set([...diff.modified, ...diff.added])
  const conflicts = new Map<string, EtcConflict>()
  const note = (path: string, kind: EtcConflict['kind']): void => {
    conflicts.set(path, { path, kind, message: messageOf(path, kind) })
  }
  for (const path of changed) {
    signal?.throwIfAborted()
    const blocker = await blockingParent(trees, changed, path)
    if (blocker !== undefined) {
      note(blocker, 'default-is-file')
      continue
    }
    const types = await typesOf(trees, path)
    const kind = policy === 'ostree' ? ostreeConflict(types) : composefsConflict(types)
    if (kind !== undefined) note(path, kind)
  }
  return [...conflicts.values()]
}

function ostreeConflict({ current, fresh }: Types): EtcConflict['kind'] | undefined {
  return fresh === 'directory' && current !== 'directory' ? 'default-is-directory' : undefined
}

function composefsConflict({ pristine, current, fresh }: Types): EtcConflict['kind'] | undefined {
  if (fresh === undefined || (current === 'directory') === (fresh === 'directory')) return undefined
  if (pristine !== undefined && (pristine === 'directory') === (fresh === 'directory')) return undefined
  return fresh === 'directory' ? 'default-is-directory' : 'default-is-file'
}

/** The nearest ancestor that the new image has as something else than a directory and that no change replaces. */
async function blockingParent(
  { fresh }: EtcTrees,
  changed: ReadonlySet<string>,
  path: string,
): Promise<string | undefined> {
  for (let parent = parentPath(path); parent !== ''; parent = parentPath(parent)) {
    if (changed.has(parent)) return undefined
    const stat = await statReachable(fresh, parent)
    if (stat !== undefined) return stat.type === 'directory' ? undefined : parent
  }
  return undefined
}

async function typesOf({ pristine, current, fresh }: EtcTrees, path: string): Promise<Types> {
  return {
    pristine: (await statReachable(pristine, path))?.type,
    current: (await statReachable(current, path))?.type,
    fresh: (await statReachable(fresh, path))?.type,
  }
}

function messageOf(path: string, kind: EtcConflict['kind']): string {
  return kind === 'default-is-directory'
    ? `/etc/${path} was changed here, but the new image has a directory there`
    : `/etc/${path} holds changes made here, but the new image has no directory there`
}
