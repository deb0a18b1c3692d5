import type { Dir } from '@bootc-sdk/core'
import { loadLabeler } from '@bootc-sdk/core/selinux'
import { clearImmutable } from './etc.js'
import { backingPath, etcPath, rootPath, statePath, type DeploymentName } from './layout.js'
import { labelVar, varDirectory } from './var.js'

/**
 * Last touches before a deployment can boot: stamps that make systemd run its first-boot updates go away, /var
 * gets its labels once, the writable backing directories are made, and the root directory becomes immutable.
 * Repeatable.
 *
 * @see ostree 2026.4 src/libostree/ostree-sysroot-deploy.c, sysroot_finalize_deployment
 */
export async function sealDeployment(root: Dir, name: DeploymentName): Promise<void> {
  await root.remove(`${etcPath(name)}/.updated`)
  await root.remove(`${await varDirectory(root, name.stateroot)}/.updated`)
  await labelVar(root, name.stateroot, await loadLabeler(root.sub(rootPath(name))))
  await makeBacking(root, name)
  if (root.supports.immutable) await root.setImmutable?.(rootPath(name), true)
}

async function makeBacking(root: Dir, name: DeploymentName): Promise<void> {
  const upperMode = (await root.stat(rootPath(name)))?.mode ?? 0o755
  const backing = backingPath(name)
  for (const [path, mode] of [
    [`${statePath(name.stateroot)}/backing`, 0o700],
    [backing, 0o700],
    [`${backing}/root-transient`, 0o700],
    [`${backing}/root-transient/upper`, upperMode],
    [`${backing}/root-transient/work`, 0o700],
  ] as const) {
    if ((await root.stat(path)) === undefined) await root.mkdir(path, { mode })
  }
}

/**
 * Remove deployments for good. The directory says that one exists and goes last; without an origin it counts
 * as unfinished, and that is on disk before any of its files go, so that a half-removed one never looks whole.
 */
export async function removeDeployments(root: Dir, names: readonly DeploymentName[]): Promise<void> {
  if (names.length === 0) return
  for (const name of names) {
    await clearImmutable(root, rootPath(name))
    await root.remove(backingPath(name))
    await root.remove(`${rootPath(name)}.origin`)
  }
  await root.sync()
  for (const name of names) await root.remove(rootPath(name))
}
