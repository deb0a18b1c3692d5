import { isBootcError } from '@bootc-sdk/core'
import { findBootEntries } from '../boot/entries.js'
import { isDirectory, type FileTree } from '../tree/inode.js'
import { find } from '../tree/lookup.js'
import type { ReadFile } from '../tree/read-file.js'

/** Is there a kernel or a UKI, and are the directories there that the boot transform demands? */
export async function canBoot(tree: FileTree, readFile: ReadFile): Promise<boolean> {
  for (const name of ['boot', 'sysroot']) {
    const found = find(tree, name)
    if (found === undefined || !isDirectory(found)) return false
  }
  try {
    return (await findBootEntries(tree, readFile)).some(({ kind }) => kind !== 'uki-addon')
  } catch (error) {
    if (isBootcError(error, 'STORE_COMPOSEFS_NOT_BOOTABLE')) return false
    throw error
  }
}
