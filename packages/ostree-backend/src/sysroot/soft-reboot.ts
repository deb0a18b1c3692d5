import type { DeploymentId, ReadTree, SoftReboots, Sysroot } from '@bootc-sdk/core'
import { inHostMounts, resetNextRoot } from '@bootc-sdk/core/store-kit'
import { nextRootPath } from './booted.js'
import { imageName, rootPath, type DeploymentName } from './layout.js'
import { composefsSetting, isRequired } from './prepare-root-conf.js'

/** What of the store it takes. */
export interface SoftRebootParts {
  readonly sysroot: Sysroot
  target(): Promise<DeploymentId | undefined>
  existing(id: DeploymentId): Promise<DeploymentName>
  root(id: DeploymentId): Promise<ReadTree>
}

/**
 * The next root is mounted by libostree (2025.3 or later), with the entry point that `ostree admin
 * prepare-soft-reboot` itself starts: in the mount namespace of the system, inside of the deployment. The command
 * for administrators would wait for the lock that we hold.
 *
 * @see ostree 2026.4 src/libostree/ostree-sysroot-deploy.c, ostree-soft-reboot.c
 */
export function ostreeSoftReboots({ sysroot, target, existing, root }: SoftRebootParts): SoftReboots {
  const reset = async (): Promise<void> => {
    await resetNextRoot(sysroot.host)
    await sysroot.run.remove(nextRootPath)
  }
  return {
    target,
    /** libostree mounts the next root with composefs only. */
    async obstacle(id) {
      const tree = await root(id)
      const setting = await composefsSetting(tree)
      if (setting === undefined)
        return 'libostree prepares one only with composefs, and there is no prepare-root.conf'
      if (!isRequired(setting))
        return 'libostree prepares one only with [composefs] enabled = yes in prepare-root.conf'
      return (await tree.stat(imageName)) === undefined
        ? `libostree prepares one only with composefs, and the deployment has no ${imageName}`
        : undefined
    },
    async prepare({ id }) {
      const dir = `/sysroot/${rootPath(await existing(id))}`
      await reset()
      const script = 'cd "$1" && exec ostree admin impl-prepare-soft-reboot'
      try {
        await inHostMounts(sysroot.host, ['sh', '-c', script, 'sh', dir], id)
      } catch (error) {
        await reset()
        throw error
      }
    },
    reset,
  }
}
