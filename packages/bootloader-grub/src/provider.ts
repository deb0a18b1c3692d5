import type { Bootloader, Provider } from '@bootc-sdk/core'
import { openGrub } from './bootloader.js'
import { activeVersion, assertLinks, ensureSelfLink, setDir } from './volume.js'

/**
 * GRUB that reads Boot Loader Specification entries (blscfg), on a boot volume with symbolic links. Writes
 * entries and kernels only; GRUB itself and its configuration are somebody else's.
 */
export function grubBootloader(): Provider<Bootloader> {
  return {
    name: 'grub',
    apiVersion: 1,
    async detect({ boot }) {
      if ((await boot.dir.stat('loader'))?.type !== 'symlink') return undefined
      const version = await activeVersion(boot.dir)
      return version === undefined
        ? undefined
        : { evidence: `boot volume's loader links to ${setDir(version)}` }
    },
    open: (sysroot) => Promise.resolve(openGrub(sysroot)),
    async init(sysroot) {
      assertLinks(sysroot.boot)
      await activeVersion(sysroot.boot.dir)
      await ensureSelfLink(sysroot.boot.dir)
      return openGrub(sysroot)
    },
  }
}
