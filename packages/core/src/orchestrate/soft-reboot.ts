import type { Deployment, DeploymentStore } from '../interfaces/index.js'

const unit = 'usr/lib/systemd/system/soft-reboot.target'
const policyConfigs = ['usr/etc/selinux/config', 'etc/selinux/config'] as const

/**
 * Whether userspace alone could be restarted into a deployment (bootc.md §25): same kernel and kernel
 * arguments as the running one, systemd able to. Where an SELinux policy is involved the answer is no,
 * because the loaded policy would have to be compared.
 */
export function softRebootChecker(
  deployments: DeploymentStore,
  booted: Deployment | undefined,
  bootedKargs: readonly string[],
): (deployment: Deployment, kargs: readonly string[]) => Promise<boolean> {
  if (booted === undefined || !deployments.supports.softReboot) return () => Promise.resolve(false)
  return async (deployment, kargs) => {
    if (deployment.id === booted.id || deployment.bootDigest !== booted.bootDigest) return false
    if (comparable(kargs) !== comparable(bootedKargs)) return false
    const root = await deployments.root(deployment.id)
    if ((await root.stat(unit)) === undefined) return false
    const bootedRoot = await deployments.root(booted.id)
    for (const path of policyConfigs) {
      if ((await root.stat(path)) !== undefined || (await bootedRoot.stat(path)) !== undefined) return false
    }
    return true
  }
}

/** Without the words that select a deployment. */
function comparable(kargs: readonly string[]): string {
  return kargs.filter((karg) => !/^(?:ostree|composefs)=/.test(karg)).join(' ')
}
