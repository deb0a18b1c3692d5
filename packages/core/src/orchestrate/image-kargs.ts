import { isBootcError } from '../errors.js'
import type { DeploymentId, DeploymentStore, Warning } from '../interfaces/index.js'
import {
  mergeImageKargs,
  readEtcKargs,
  readImageKargs,
  setKargSource,
  sourcedKargs,
  type OwnedKargs,
} from '../kargs/index.js'

/** Source that the files in `/etc/bootc/kargs.d` are, beside those that programs set. */
const etcSource = 'etc-kargs-d'

/** Kernel arguments that a deployment's image ships (`usr/lib/bootc/kargs.d`). */
export async function kargsOfDeployment(
  deployments: DeploymentStore,
  id: DeploymentId,
  arch: string,
): Promise<readonly string[]> {
  return readImageKargs(await deployments.root(id), arch)
}

/**
 * Kernel arguments of a deployment that follows another: the other's, with what changed between the two
 * images' lists (bootc.md §14) and in the machine's own files. Machine-local ones survive, keys in the `x-`
 * name space are inherited as arguments are.
 */
export async function inheritKargs(
  deployments: DeploymentStore,
  fresh: DeploymentId,
  base: OwnedKargs & { readonly id: DeploymentId },
  arch: string,
): Promise<OwnedKargs & { readonly warnings: readonly Warning[] }> {
  const before = await kargsOfDeployment(deployments, base.id, arch)
  const after = await kargsOfDeployment(deployments, fresh, arch)
  const extra = inheritedKeys(base.extra)
  const kargs = mergeImageKargs(base.kargs, before, after, sourcedKargs(extra))
  try {
    return { ...(await withEtcKargs(deployments, { kargs, extra }, base.id, after, arch)), warnings: [] }
  } catch (error) {
    // A slip in a file must not keep a machine from its updates.
    if (!isBootcError(error, 'IMAGE_KARGS_INVALID')) throw error
    const message = `${error.message}; kernel arguments from there stay as they were`
    return { kargs, extra, warnings: [{ code: 'deploy:etc-kargs', message, details: { ...error.details } }] }
  }
}

/**
 * With what the machine's own files say now.
 *
 * @param of whose /etc
 * @throws BootcError `IMAGE_KARGS_INVALID`
 */
export async function withEtcKargs(
  deployments: DeploymentStore,
  current: OwnedKargs,
  of: DeploymentId,
  image: readonly string[],
  arch: string,
): Promise<OwnedKargs> {
  const etc = await deployments.currentEtc(of)
  // Without an /etc of its own to look at nothing is known, which is not the same as no files.
  return etc === undefined ? current : setKargSource(current, etcSource, await readEtcKargs(etc, arch), image)
}

/** Keys of a boot entry that its successor inherits. */
export function inheritedKeys(extra: OwnedKargs['extra']): OwnedKargs['extra'] {
  return extra.filter(([key]) => key.startsWith('x-'))
}
