import type { Sysroot } from '@bootc-sdk/core'
import { blsSets } from './bls-sets.js'
import { layoutOf } from './layout.js'
import type { MenuMode } from './menu-wanted.js'
import { ukiSets } from './uki-sets.js'

/** Are there boot entries on the boot volume? */
export async function detectGrub(
  sysroot: Sysroot,
  menu: MenuMode,
): Promise<{ readonly evidence: string } | undefined> {
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
}
