import { BootcError, type DeploymentId } from '@bootc-sdk/core'

/*
 * Where bootc's composefs backend keeps what belongs to a system, below the physical root.
 * @see bootc 1.16.9 crates/lib/src/composefs_consts.rs
 */

export const repoPath = 'composefs'
export const deployRoot = 'state/deploy'
export const varPath = 'state/os/default/var'
/** The only stateroot there can be; the name of the directory that holds /var. */
export const stateroot = 'default'

/** Target of `var` in a deployment's directory. */
export const varLink = '../../os/default/var'

/** Deployments are named by the digest of the image they boot. */
const idPattern = /^(?:[0-9a-f]{64}){1,2}$/

export function isDeploymentId(text: string): boolean {
  return idPattern.test(text)
}

/** @throws BootcError `DEPLOY_INVALID_ID` */
export function statePath(id: DeploymentId): string {
  if (isDeploymentId(id)) return `${deployRoot}/${id}`
  throw new BootcError('DEPLOY_INVALID_ID', `${JSON.stringify(id)} names no composefs deployment`, {
    details: { id },
  })
}

export function etcPath(id: DeploymentId): string {
  return `${statePath(id)}/etc`
}

/** Written last: without it a deployment does not count. */
export function originPath(id: DeploymentId): string {
  return `${statePath(id)}/${id}.origin`
}
