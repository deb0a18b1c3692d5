import { BootcError } from '@bootc-sdk/core'
import type { BootVersion, Dir, Volume } from '@bootc-sdk/core'

/** Link that names the active set; switching it is the one visible step. */
export const loaderLink = 'loader'
const temporaryLink = 'loader.tmp'

export function setDir(version: BootVersion): string {
  return `loader.${version}`
}

export function entriesDir(version: BootVersion): string {
  return `${setDir(version)}/entries`
}

export function otherVersion(version: BootVersion): BootVersion {
  return version === 0 ? 1 : 0
}

/** Sets of entries are switched by a symbolic link, so the volume must have them (vfat has not). */
export function assertLinks({ dir, fsType }: Volume): void {
  if (dir.supports.symlink && fsType !== 'vfat') return
  throw new BootcError(
    'BOOT_UNSUPPORTED_VOLUME',
    `boot volume of type ${fsType} has no symbolic links, which entries in two sets need`,
    { details: { fsType } },
  )
}

/**
 * The active set, from `loader -> loader.0|loader.1`; undefined when nothing was committed yet.
 *
 * @throws BootcError `BOOT_UNSUPPORTED_LAYOUT` when `loader` is something else (another program's directory)
 */
export async function activeVersion(dir: Dir): Promise<BootVersion | undefined> {
  const stat = await dir.stat(loaderLink)
  if (stat === undefined) return undefined
  const target = stat.type === 'symlink' ? await dir.readlink(loaderLink) : ''
  if (/^loader\.[01]\/?$/.test(target)) return target[7] === '0' ? 0 : 1
  throw new BootcError(
    'BOOT_UNSUPPORTED_LAYOUT',
    stat.type === 'symlink'
      ? `boot volume's loader links to ${JSON.stringify(target)}, not to loader.0 or loader.1`
      : `boot volume's loader is a ${stat.type}, not a link to loader.0 or loader.1`,
    { details: { type: stat.type, target } },
  )
}

/** Point `loader` at a set: everything before is on disk when the link changes, and the link after. */
export async function switchActive(dir: Dir, version: BootVersion): Promise<void> {
  await dir.remove(temporaryLink)
  await dir.symlink(setDir(version), temporaryLink)
  await dir.sync()
  await dir.rename(temporaryLink, loaderLink)
  await dir.sync()
}

/** `boot -> .`, so that paths starting with /boot work from a separate boot volume too. */
export async function ensureSelfLink(dir: Dir): Promise<void> {
  if ((await dir.stat('boot')) === undefined) await dir.symlink('.', 'boot')
}

/** What an interrupted switch left. */
export async function removeTemporaryLink(dir: Dir): Promise<void> {
  await dir.remove(temporaryLink)
}
