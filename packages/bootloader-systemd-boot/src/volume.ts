import { BootcError } from '@bootc-sdk/core'
import type { Dir, Sysroot, Volume } from '@bootc-sdk/core'
import { entriesDir, holdsOwnEntries } from './entries.js'

/** Where entries and kernels are, and where the loader itself is. */
export interface BootVolumes {
  /** The extended boot partition, or an EFI system partition. */
  readonly entries: Volume
  /** `/boot` or an ESP: whose free bytes a plan is about. */
  readonly role: 'boot' | 'esp'
  /** All EFI system partitions; empty where only an extended boot partition is mounted. */
  readonly esps: readonly Volume[]
}

/**
 * Entries go where ours are already; else to `/boot` where that is a FAT file system of its own (an extended
 * boot partition, or the ESP), else to the first ESP. The loader reads both, and FAT only.
 *
 * @returns undefined without any such volume
 */
export async function findVolumes({ boot, esps }: Pick<Sysroot, 'boot' | 'esps'>) {
  const isFat = boot.fsType === 'vfat' && boot.bootPrefix === '/'
  const others: Volume[] = []
  for (const esp of esps) if (!isFat || !(await isSame(boot.dir, esp.dir))) others.push(esp)
  // `/boot` is the ESP where it was found as one, or where there is no other.
  const bootIsEsp = isFat && (others.length < esps.length || esps.length === 0)
  const candidates: BootVolumes[] = []
  const all = bootIsEsp ? [boot, ...others] : others
  if (isFat) candidates.push({ entries: boot, role: 'boot', esps: all })
  for (const esp of others) candidates.push({ entries: esp, role: 'esp', esps: all })
  for (const candidate of candidates) {
    if (await holdsOwnEntries(candidate.entries.dir, entriesDir)) return candidate
  }
  return candidates[0]
}

/** @throws BootcError `BOOT_UNSUPPORTED_VOLUME` */
export async function requireVolumes(sysroot: Pick<Sysroot, 'boot' | 'esps'>): Promise<BootVolumes> {
  const volumes = await findVolumes(sysroot)
  if (volumes !== undefined) return volumes
  const { fsType } = sysroot.boot
  throw new BootcError(
    'BOOT_UNSUPPORTED_VOLUME',
    `systemd-boot reads FAT only: /boot is ${fsType}, and no EFI system partition is mounted at /boot, /efi or /boot/efi`,
    { details: { fsType } },
  )
}

/** A partition may be found under two names. */
async function isSame(a: Dir, b: Dir): Promise<boolean> {
  if (a === b) return true
  const [x, y] = [await a.stat(''), await b.stat('')]
  return x !== undefined && y !== undefined && x.ino !== 0 && x.dev === y.dev && x.ino === y.ino
}
