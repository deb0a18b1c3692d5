import { isBootcError } from '../../errors.js'
import type { BootVersion, DeploymentId, Dir } from '../../interfaces/index.js'
import { baseName } from '../../names/index.js'
import { splitKargs } from '../../kargs/index.js'

/*
 * Root argument `memory=`, in two flavours as real stores have them: `deploy/ID` names a deployment for
 * good; `boot.VERSION/INDEX` goes through links, so that a new deployment with the same kernel and arguments
 * needs no new boot entries (`supports.relink`). `boot.V` is a symbolic link to one of two directories
 * `boot.V.0`, `boot.V.1`, which makes the change of all links one rename.
 */

export function rootKarg(id: DeploymentId, index: number, version: BootVersion, relink: boolean): string {
  return relink ? `memory=boot.${version}/${index}` : `memory=deploy/${id}`
}

/** Value of the last `memory=` on a command line. */
export function rootTarget(cmdline: string): string | undefined {
  const word = splitKargs(cmdline).findLast((karg) => karg.startsWith('memory='))
  return word?.slice('memory='.length)
}

export function targetVersion(target: string): BootVersion | undefined {
  const found = /^boot\.([01])\/\d+$/.exec(target)?.[1]
  return found === undefined ? undefined : found === '0' ? 0 : 1
}

/** Follow a target to the deployment's id; undefined when it leads nowhere. */
export async function resolveTarget(store: Dir, target: string): Promise<DeploymentId | undefined> {
  const direct = /^deploy\/([^/]+)$/.exec(target)?.[1]
  if (direct !== undefined) return direct
  const version = targetVersion(target)
  if (version === undefined) return undefined
  const set = await linkOf(store, `boot.${version}`)
  if (set === undefined) return undefined
  const link = await linkOf(store, `${set}/${baseName(target)}`)
  return link === undefined ? undefined : baseName(link)
}

/** Make the links of a version say this list, all at once. */
export async function writeLinks(store: Dir, order: readonly DeploymentId[], version: BootVersion) {
  const active = await linkOf(store, `boot.${version}`)
  const next = active === `boot.${version}.0` ? `boot.${version}.1` : `boot.${version}.0`
  await store.remove(next)
  await store.mkdir(next, { mode: 0o755 })
  for (const [index, id] of order.entries()) await store.symlink(`../deploy/${id}`, `${next}/${index}`)
  await store.remove('tmp/boot-link')
  await store.symlink(next, 'tmp/boot-link')
  await store.sync()
  await store.rename('tmp/boot-link', `boot.${version}`)
  await store.sync()
}

/** Remove links of the other version and the inactive directory of this one. */
export async function pruneLinks(store: Dir, version: BootVersion): Promise<void> {
  const active = await linkOf(store, `boot.${version}`)
  const other = version === 0 ? 1 : 0
  for (const name of [`boot.${other}`, `boot.${other}.0`, `boot.${other}.1`]) await store.remove(name)
  for (const name of [`boot.${version}.0`, `boot.${version}.1`]) if (name !== active) await store.remove(name)
}

async function linkOf(store: Dir, path: string): Promise<string | undefined> {
  try {
    return (await store.stat(path))?.type === 'symlink' ? await store.readlink(path) : undefined
  } catch (error) {
    if (isBootcError(error, 'TREE_ESCAPE')) return undefined
    throw error
  }
}
