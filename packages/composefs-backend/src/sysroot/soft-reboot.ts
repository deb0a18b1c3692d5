import { type DeploymentId, type Host, type SoftReboots } from '@bootc-sdk/core'
import { inHostMounts, resetNextRoot } from '@bootc-sdk/core/store-kit'
import { composefsKarg } from '../boot/karg.js'
import { nextRootImage } from './mountinfo.js'

/** The initramfs's own script, which images carry for this too. */
const setupRoot = '/usr/lib/bootc-sdk/initramfs/setup-root.sh'

/**
 * The next root is mounted by the script that mounts it in the initramfs, with the same checks.
 *
 * @param optional fs-verity may be missing, as new boot entries of this repository say
 * @param allowMissingVerity also of a deployment whose own entry demands it
 */
export function composefsSoftReboots(
  host: Host,
  optional: () => boolean,
  allowMissingVerity = false,
): SoftReboots {
  return {
    target: async (): Promise<DeploymentId | undefined> => nextRootImage((await host.mountinfo?.()) ?? ''),
    async prepare({ id, kargs }) {
      await resetNextRoot(host)
      const others = kargs.filter((word) => !/^composefs(?:\.digest)?=/.test(word))
      // What a restart would refuse is refused here too: the script says why.
      const demands = kargs.some((word) => /^composefs(?:\.digest)?=(?!\?)/.test(word))
      const mayMiss = optional() && (allowMissingVerity || !demands)
      const words = [...others, composefsKarg(id, { optional: mayMiss })].join(' ')
      const argv = [setupRoot, '--sysroot', '/sysroot', '--next-root', '/run/nextroot', '--arguments', words]
      await inHostMounts(host, argv, id)
    },
    reset: () => resetNextRoot(host),
  }
}
