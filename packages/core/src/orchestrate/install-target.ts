import { BootcError } from '../errors.js'
import type { Dir, Sysroot, Volume } from '../interfaces/index.js'
import type { InstallOptions } from './install-types.js'

/** Made first and removed last: with it, the same command may go on where an installation was cut off. */
const unfinishedMark = '.bootc-install-unfinished'

export async function markUnfinished(sysroot: Sysroot): Promise<void> {
  // Under its name at once: a temporary file left by an interruption would make the target look used.
  await sysroot.root.write(unfinishedMark, new Uint8Array(), { mode: 0o600, atomic: false })
}

export async function markFinished(sysroot: Sysroot): Promise<void> {
  await sysroot.root.remove(unfinishedMark)
  await sysroot.root.sync()
}

/**
 * Make room for an installation, or refuse (bootc.md §17, to-filesystem). `none`: the root holds at most
 * `lost+found`, an empty `boot`, and directories with nothing but mount points. `wipe`: everything goes. `alongside`:
 * only /boot is emptied, later and by `emptyBoot`.
 *
 * @returns whether an installation that was cut off goes on
 * @throws BootcError `SYSROOT_NOT_EMPTY`, `SYSROOT_MOUNT_POINT`
 */
export async function prepareTarget(
  sysroot: Sysroot,
  replace: NonNullable<InstallOptions['replace']>,
): Promise<boolean> {
  if ((await sysroot.root.stat(unfinishedMark)) !== undefined) return true
  if (replace === 'none') await assertEmpty(sysroot.root)
  else if (replace === 'wipe') await wipe(sysroot.root, '')
  return false
}

/**
 * Remove kernels and menus of another system, but for loader directories, and what may be somebody else's: the EFI
 * system partition, be it mounted at /boot or below.
 */
export async function emptyBoot({ dir }: Pick<Volume, 'dir'>): Promise<void> {
  const top = await dir.stat('')
  const names: string[] = []
  for await (const { name, stat } of dir.list('')) {
    const stays = name.startsWith('loader') || name === 'lost+found' || name.toLowerCase() === 'efi'
    if (!stays && !isMountPoint(stat.dev, top?.dev)) names.push(name)
  }
  for (const name of names) await dir.remove(name)
}

async function assertEmpty(root: Dir): Promise<void> {
  const top = await root.stat('')
  for await (const { name, stat } of root.list('')) {
    // The second is the lock that this install holds where the kernel's locks are out of reach.
    if (name === 'lost+found' || name === '.bootc-sdk-lock') continue
    if (stat.type === 'directory') {
      if (isMountPoint(stat.dev, top?.dev)) continue
      await assertOnlyMounts(root, name, stat.dev)
      continue
    }
    throw notEmpty(`Non-empty root filesystem; found ${JSON.stringify(name)}`, name)
  }
}

async function assertOnlyMounts(root: Dir, path: string, dev: number): Promise<void> {
  let children = 0
  for await (const { name, stat } of root.list(path)) {
    children++
    const child = `${path}/${name}`
    if (stat.type !== 'directory') {
      throw notEmpty(`Non-empty root filesystem; found ${JSON.stringify(child)}`, child)
    }
    if (!isMountPoint(stat.dev, dev)) await assertOnlyMounts(root, child, dev)
  }
  if (children === 0 && path !== 'boot')
    throw notEmpty(`Found empty directory: ${JSON.stringify(path)}`, path)
}

async function wipe(root: Dir, path: string): Promise<void> {
  const top = await root.stat(path)
  for await (const { name, stat } of root.list(path)) {
    if (stat.type !== 'directory' || !isMountPoint(stat.dev, top?.dev)) continue
    throw new BootcError('SYSROOT_MOUNT_POINT', `${name} is a mount point and cannot be wiped`, {
      details: { path: name },
    })
  }
  for (const name of await namesIn(root, path)) await root.remove(name)
}

function isMountPoint(dev: number, parentDev: number | undefined): boolean {
  return dev !== 0 && parentDev !== undefined && parentDev !== 0 && dev !== parentDev
}

export async function namesIn(dir: Dir, path: string): Promise<string[]> {
  const names: string[] = []
  for await (const { name } of dir.list(path)) names.push(name)
  return names
}

function notEmpty(message: string, path: string): BootcError {
  return new BootcError('SYSROOT_NOT_EMPTY', message, { details: { path } })
}
