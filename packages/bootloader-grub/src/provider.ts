import type { Bootloader, Provider } from '@bootc-sdk/core'
import { openGrub } from './bootloader.js'
import { layoutOf } from './layout.js'

/**
 * GRUB that reads Boot Loader Specification entries (blscfg). Writes entries and kernels only; GRUB itself and
 * its configuration are somebody else's.
 */
export function grubBootloader(): Provider<Bootloader> {
  return {
    name: 'grub',
    apiVersion: 1,
    async detect({ boot }) {
      if ((await boot.dir.stat('loader')) === undefined) return undefined
      const layout = await layoutOf(boot, undefined)
      const active = await layout.activeDir()
      if (active === undefined) return undefined
      const how =
        layout.kind === 'links' ? `loader links to ${active.split('/')[0]!}` : `entries are in ${active}`
      return { evidence: `boot volume's ${how}` }
    },
    open: (sysroot) => Promise.resolve(openGrub(sysroot)),
    async init(sysroot, _lock, options = {}) {
      await layoutOf(sysroot.boot, options.entrySet ?? 'links')
      return openGrub(sysroot)
    },
  }
}
