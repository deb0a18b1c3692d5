import type { Deployment, DeploymentId } from '@bootc-sdk/core'

/**
 * The deployment whose /etc and kernel arguments a new one inherits, by libostree's rule: the booted one when it
 * is of the stateroot (not a newer one that waits for a reboot), else the first of the stateroot in boot order.
 *
 * @param order deployments in boot order
 * @see ostree 2026.4 src/libostree/ostree-sysroot.c, ostree_sysroot_get_merge_deployment
 */
export function mergeDeployment(
  order: readonly Pick<Deployment, 'id' | 'stateroot'>[],
  stateroot: string,
  booted?: DeploymentId,
): DeploymentId | undefined {
  const own = order.filter((deployment) => deployment.stateroot === stateroot)
  return (own.find(({ id }) => id === booted) ?? own[0])?.id
}
