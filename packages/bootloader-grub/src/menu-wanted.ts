import type { Dir, Sysroot } from '@bootc-sdk/core'
import { isDirectory } from '@bootc-sdk/core/boot-kit'
import { readSmall } from '@bootc-sdk/core/store-kit'
import { stubMark } from './format/stub.js'

/**
 * `auto`: write a menu unless GRUB evidently reads the entries itself, as a configuration that calls blscfg or the
 * state of bootupd shows. A menu that nothing reads costs a file; one that is missing costs the next boot.
 */
export type MenuMode = 'auto' | 'always' | 'never'

export async function isMenuWanted(sysroot: Sysroot, mode: MenuMode): Promise<boolean> {
  if (mode !== 'auto') return mode === 'always'
  if (await hasStaticConfigs(sysroot.boot.dir)) return false
  return !(await foreignConfigs(sysroot)).some((text) => /^\s*blscfg\b/m.test(text))
}

/** Does a configuration of somebody else look at this variable of GRUB's environment? */
export async function someConfigReads(sysroot: Sysroot, variable: string): Promise<boolean> {
  return (await foreignConfigs(sysroot)).some((text) => text.includes(variable))
}

/** Configurations on the boot volume and on ESPs that are not ours. */
async function foreignConfigs({ boot, esps }: Sysroot): Promise<string[]> {
  const places = ['grub2/grub.cfg', 'grub/grub.cfg'].map((path) => ({ dir: boot.dir, path }))
  for (const { dir } of esps) {
    if (!(await isDirectory(dir, 'EFI'))) continue
    for await (const { name, stat } of dir.list('EFI')) {
      if (stat.type === 'directory') places.push({ dir, path: `EFI/${name}/grub.cfg` })
    }
  }
  const texts: string[] = []
  for (const { dir, path } of places) {
    if (!(await isDirectory(dir, path.slice(0, path.lastIndexOf('/'))))) continue
    const text = (await readSmall(dir, path))?.toString('latin1')
    // Ours calls blscfg too, where the menu is missing.
    if (text !== undefined && !text.startsWith(stubMark)) texts.push(text)
  }
  return texts
}

/** bootupd keeps a configuration there that calls blscfg. @see bootupd 0.2 src/grubconfigs.rs */
async function hasStaticConfigs(dir: Dir): Promise<boolean> {
  const state = (await readSmall(dir, 'bootupd-state.json'))?.toString('utf8')
  return state !== undefined && /"static-configs"\s*:\s*\{/.test(state)
}
