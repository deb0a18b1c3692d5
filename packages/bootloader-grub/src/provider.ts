import type { Bootloader, Provider } from '@bootc-sdk/core'
import type { MenuMode } from './menu-wanted.js'

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
    // Loaded when it is asked for: another loader's machine needs nothing of it.
    detect: async (sysroot) => (await import('./detect.js')).detectGrub(sysroot, menu),
    open: async (sysroot) => (await import('./bootloader.js')).openGrub(sysroot, settings),
    async init(sysroot, _lock, options = {}) {
      const { layoutOf } = await import('./layout.js')
      await layoutOf(sysroot.boot, options.entrySet ?? 'links')
      return (await import('./bootloader.js')).openGrub(sysroot, settings)
    },
  }
}
