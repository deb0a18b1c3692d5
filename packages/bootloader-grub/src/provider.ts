import type { Bootloader, Provider } from '@bootc-sdk/core'
import { blsSets } from './bls-sets.js'
import { openGrub } from './bootloader.js'
import { layoutOf } from './layout.js'
import type { MenuMode } from './menu-wanted.js'
import { ukiSets } from './uki-sets.js'

export interface GrubOptions {
  /**
   * Write a menu with the entries, for a GRUB that cannot read these itself (Debian's and Arch's before 2.14).
   * Default `auto`: unless the machine's configuration evidently calls blscfg.
   */
  readonly menu?: MenuMode
  /** How long the menu shows, where `install` writes the configuration that shows it; default 1. */
  readonly timeoutSeconds?: number
}

/** GRUB: entries, kernels and the menu on the boot volume; its programs come with `install`. */
export function grubBootloader({
  menu = 'auto',
  timeoutSeconds = 1,
}: GrubOptions = {}): Provider<Bootloader> {
  const settings = { menu, timeoutSeconds }
  return {
    name: 'grub',
    apiVersion: 1,
    async detect(sysroot) {
      const { boot } = sysroot
      if ((await boot.dir.stat('loader')) !== undefined) {
        const layout = await layoutOf(boot, undefined)
        const active = await layout.activeDir()
        const how =
          layout.kind === 'links' ? `loader links to ${active?.split('/')[0]}` : `entries are in ${active}`
        if (active !== undefined) return { evidence: `boot volume's ${how}` }
      }
      const entries = await ukiSets(sysroot, blsSets(sysroot, menu)).active()
      return entries.length === 0 ? undefined : { evidence: "boot volume's grub2/user.cfg has boot entries" }
    },
    open: (sysroot) => openGrub(sysroot, settings),
    async init(sysroot, _lock, options = {}) {
      await layoutOf(sysroot.boot, options.entrySet ?? 'links')
      return openGrub(sysroot, settings)
    },
  }
}
