import { open } from 'node:fs/promises'
import { constants } from 'node:fs'
import { join } from 'node:path'
import type { Dir, Volume, VolumeLayer } from '@bootc-sdk/core'
import { isDirectory } from '@bootc-sdk/core/boot-kit'
import { readSmall, replaceFile, replaceTemporary } from '@bootc-sdk/core/store-kit'
import {
  changeEnvironment,
  emptyEnvironment,
  environmentBytes,
  parseEnvironment,
  printEnvironment,
  type Environment,
} from './format/environment.js'

/** It writes neither to logical volumes nor to RAID: half of a mirror would be worse. */
const readOnlyLayers: readonly VolumeLayer[] = ['lvm', 'raid']

/** File systems that GRUB only reads; on xfs and ext4 it writes into the blocks that a file has. */
const readOnlyForGrub = ['btrfs', 'zfs', 'squashfs', 'erofs', 'bcachefs']

/** GRUB's directory on the boot volume: Fedora's where it is there, else that of everybody else. */
export async function grubDir(dir: Dir): Promise<'grub' | 'grub2'> {
  return (await isDirectory(dir, 'grub2')) ? environmentDir(dir) : 'grub'
}

/** The same where `user.cfg` is, or will be, in Fedora's: that alone does not move an environment that is in use. */
export async function environmentDir(dir: Dir): Promise<'grub' | 'grub2'> {
  const has = async (home: string) =>
    (await isDirectory(dir, home)) && (await dir.stat(`${home}/grubenv`)) !== undefined
  return (await has('grub')) && !(await has('grub2')) ? 'grub' : 'grub2'
}

/**
 * Can GRUB count boots and forget a choice? It cannot write to some file systems, nor to LVM and RAID, nor through a
 * link to another file system, which older Fedora has on EFI.
 *
 * @see GRUB 2.12 util/grub.d/00_header.in, "GRUB lacks write support"
 */
export async function canWriteEnvironment({ dir, fsType, layers = [] }: Volume): Promise<boolean> {
  if (readOnlyForGrub.includes(fsType)) return false
  if (layers.some((layer) => readOnlyLayers.includes(layer))) return false
  const home = await grubDir(dir)
  const stat = (await isDirectory(dir, home)) ? await dir.stat(`${home}/grubenv`) : undefined
  return stat === undefined || stat.type === 'file'
}

/** Empty where there is none, or a damaged one: GRUB takes nothing from that. */
export async function readEnvironment(dir: Dir): Promise<Environment> {
  const home = await grubDir(dir)
  if (!(await isDirectory(dir, home))) return emptyEnvironment
  const data = await readSmall(dir, `${home}/grubenv`)
  return (data && parseEnvironment(data)) ?? emptyEnvironment
}

/** What an interrupted write left. */
export async function cleanEnvironment(dir: Dir): Promise<void> {
  const home = await grubDir(dir)
  if (await isDirectory(dir, home)) await dir.remove(`${home}/${replaceTemporary}`)
}

/**
 * Change variables and leave the others; on disk when it returns. The file keeps its blocks where it can, as with
 * grub-editenv: GRUB writes into the blocks that it finds without replaying a journal.
 *
 * @throws BootcError `BOOT_ENVIRONMENT_FULL`
 */
export async function writeEnvironment(
  dir: Dir,
  changes: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const home = await grubDir(dir)
  const path = `${home}/grubenv`
  if ((await dir.stat(home)) === undefined) await dir.mkdir(home, { mode: 0o755 })
  const found = await readSmall(dir, path)
  const before = found && parseEnvironment(found)
  const data = printEnvironment(changeEnvironment(before ?? emptyEnvironment, changes))
  if (found?.equals(data)) return
  if (dir.hostPath === undefined || found?.length !== environmentBytes) {
    await replaceFile(dir, path, data, 0o644)
    return
  }
  const file = await open(join(dir.hostPath, path), constants.O_WRONLY | constants.O_NOFOLLOW)
  try {
    await file.write(data, 0, data.length, 0)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Make one where there is none, for GRUB cannot. */
export async function ensureEnvironment(dir: Dir): Promise<void> {
  const home = await grubDir(dir)
  if ((await dir.stat(home)) === undefined) await dir.mkdir(home, { mode: 0o755 })
  if ((await dir.stat(`${home}/grubenv`)) === undefined) {
    await replaceFile(dir, `${home}/grubenv`, printEnvironment(emptyEnvironment), 0o644)
  }
}
