import type { Dir, Sysroot } from '@bootc-sdk/core'
import { isDirectory } from '@bootc-sdk/core/boot-kit'
import { readSmall } from '@bootc-sdk/core/store-kit'
import { stubMark } from './format/stub.js'

/**
 * `auto`: write a menu unless GRUB evidently reads the entries itself, as a configuration that calls blscfg or the
 * state of bootupd shows. A menu that nothing reads costs a file; one that is missing costs the next boot.
 */
export type MenuMode = 'auto' | 'always' | 'never'

export async function isMenuWanted({ boot, esps }: Sysroot, mode: MenuMode): Promise<boolean> {
  if (mode !== 'auto') return mode === 'always'
  if (await hasStaticConfigs(boot.dir)) return false
  const configs = ['grub2/grub.cfg', 'grub/grub.cfg'].map((path) => ({ dir: boot.dir, path }))
  for (const { dir } of esps) {
    if (!(await isDirectory(dir, 'EFI'))) continue
    for await (const { name, stat } of dir.list('EFI')) {
      if (stat.type === 'directory') configs.push({ dir, path: `EFI/${name}/grub.cfg` })
    }
  }
  for (const { dir, path } of configs) if (await callsBlscfg(dir, path)) return false
  return true
}

/** bootupd keeps a configuration there that calls blscfg. @see bootupd 0.2 src/grubconfigs.rs */
async function hasStaticConfigs(dir: Dir): Promise<boolean> {
  const state = (await readSmall(dir, 'bootupd-state.json'))?.toString('utf8')
  return state !== undefined && /"static-configs"\s*:\s*\{/.test(state)
}

/** Ours calls it too, where the menu is missing. */
async function callsBlscfg(dir: Dir, path: string): Promise<boolean> {
  if (!(await isDirectory(dir, path.slice(0, path.lastIndexOf('/'))))) return false
  const text = (await readSmall(dir, path))?.toString('latin1') ?? ''
  return /^\s*blscfg\b/m.test(text) && !text.startsWith(stubMark)
}
