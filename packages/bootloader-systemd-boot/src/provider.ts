import type { Bootloader, Dir, Provider, Sysroot } from '@bootc-sdk/core'
import { entriesDir, holdsOwnEntries } from './entries.js'
import { isDirectory } from '@bootc-sdk/core/boot-kit'
import { installedVersion } from './installed.js'
import { entriesMark, layOut } from './loader-files.js'
import { findVolumes, requireVolumes } from './volume.js'

export interface SystemdBootOptions {
  /** `/sys/firmware/efi/efivars` of the running machine, for one-shot boots; without it bootctl is asked. */
  readonly efivars?: Dir
}

/** systemd-boot: entries and kernels on EFI system and extended boot partitions, for either store. */
export function systemdBoot({ efivars }: SystemdBootOptions = {}): Provider<Bootloader> {
  // Loaded when it is opened: looking for it takes far less.
  const open = async (sysroot: Sysroot) =>
    (await import('./bootloader.js')).openSystemdBoot({
      ...{ sysroot, efivars },
      volumes: await requireVolumes(sysroot),
    })
  return {
    name: 'systemd-boot',
    apiVersion: 1,
    async detect(sysroot) {
      const volumes = await findVolumes(sysroot)
      if (volumes === undefined) return undefined
      const { entries, esps } = volumes
      const { dir } = entries
      const version = await installedVersion(esps)
      const isMarked = (await isDirectory(dir, 'loader')) && (await dir.stat(entriesMark)) !== undefined
      if (version === undefined && !isMarked) return undefined
      // Both may be installed; the one that has our entries is in use.
      if (!(await holdsOwnEntries(dir, entriesDir)) && (await bootsOtherwise(sysroot, dir))) return undefined
      return {
        evidence:
          version === undefined
            ? `${entriesMark} is on the ${volumes.role} volume`
            : `systemd-boot ${version} is on the ESP`,
      }
    },
    open,
    async init(sysroot) {
      await layOut(await requireVolumes(sysroot))
      return open(sysroot)
    },
  }
}

/** `/boot` is another volume, and has a set of entries or a link to one. */
async function bootsOtherwise({ boot }: Sysroot, dir: Dir): Promise<boolean> {
  return boot.dir !== dir && (await boot.dir.stat('loader')) !== undefined
}
