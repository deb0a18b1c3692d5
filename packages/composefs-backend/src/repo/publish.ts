import { isBootcError } from '@bootc-sdk/core'
import type { RepoContext } from './context.js'
import { ensureDir } from './io.js'
import type { ObjectStore } from './object-store.js'

/** A subdirectory of a staging directory whose objects are complete. */
export interface StagedPart {
  /** Relative to the repository. */
  readonly path: string
  /** Bytes by `xx/rest`. */
  readonly names: ReadonlyMap<string, number>
}

/**
 * Move complete objects into `objects/`. One that is there already wins; one of another size is what a power
 * cut left of somebody's write and is replaced. The caller syncs before and after.
 */
export async function publishParts(
  context: RepoContext,
  store: ObjectStore,
  parts: readonly StagedPart[],
): Promise<void> {
  const { dir, native } = context
  const present = new Map<string, ReadonlySet<string>>()
  for (const { path, names } of parts) {
    const fresh: string[] = []
    const replacing: string[] = []
    for (const [name, sizeBytes] of names) {
      const prefix = name.slice(0, 2)
      let known = present.get(prefix)
      if (known === undefined) {
        // The addon moves a whole staged directory where there is none yet: one rename instead of hundreds.
        if (native === undefined) await ensureDir(dir, `objects/${prefix}`)
        known = new Set(await store.names(prefix))
        present.set(prefix, known)
      }
      const rest = name.slice(3)
      const there = known.has(rest) ? await store.stat(prefix, rest) : undefined
      if (there === undefined) fresh.push(name)
      else if (!there.isFile || there.sizeBytes !== sizeBytes) replacing.push(name)
    }
    if (native === undefined) {
      for (const name of fresh) await moveNew(context, `${path}/${name}`, `objects/${name}`)
      for (const name of replacing) await moveOver(context, `${path}/${name}`, `objects/${name}`)
    } else {
      for (const name of replacing) await moveOver(context, `${path}/${name}`, `objects/${name}`)
      const { addon, repoPath } = native
      await addon.publish(`${repoPath}/${path}`, `${repoPath}/objects`, fresh, [], false)
    }
    if (parts.length > 1) {
      // The next part may hold the same ones.
      for (const name of fresh) (present.get(name.slice(0, 2)) as Set<string>).add(name.slice(3))
    }
  }
}

async function moveNew({ dir }: RepoContext, from: string, to: string): Promise<void> {
  try {
    await dir.rename(from, to, { noReplace: true })
  } catch (error) {
    // Another process was faster.
    if (!isBootcError(error, 'TREE_EXISTS')) throw error
  }
}

async function moveOver({ dir }: RepoContext, from: string, to: string): Promise<void> {
  const stat = await dir.stat(to)
  if (stat?.type === 'directory') await dir.remove(to)
  await dir.rename(from, to)
}
