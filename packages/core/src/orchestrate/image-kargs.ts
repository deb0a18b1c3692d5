import type { DeploymentId, DeploymentStore } from '../interfaces/index.js'
import { mergeImageKargs, readImageKargs } from '../kargs/index.js'

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
 * images' lists (bootc.md §14). Machine-local ones survive.
 */
export async function inheritKargs(
  deployments: DeploymentStore,
  fresh: DeploymentId,
  base: { readonly id: DeploymentId; readonly kargs: readonly string[] },
  arch: string,
): Promise<readonly string[]> {
  const before = await kargsOfDeployment(deployments, base.id, arch)
  const after = await kargsOfDeployment(deployments, fresh, arch)
  return mergeImageKargs(base.kargs, before, after)
}
