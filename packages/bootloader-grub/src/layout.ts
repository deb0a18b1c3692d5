import { BootcError } from '@bootc-sdk/core'
import type { BootSpec, BootVersion, Dir, Volume } from '@bootc-sdk/core'
import { canConvert, convertingLayout } from './converting-layout.js'
import { exchangeLayout } from './exchange-layout.js'
import { linksLayout, loaderLink } from './links-layout.js'

/** How two sets of entries lie on a volume, and how one takes the place of the other. Paths are relative to the volume. */
export interface SetLayout {
  readonly kind: 'links' | 'exchange'
  /** Number of the active set, where sets have numbers; undefined when nothing was committed. */
  version(): Promise<BootVersion | undefined>
  /** Directory of the entries that boot; undefined when nothing was committed. */
  activeDir(): Promise<string | undefined>
  /** Directory that holds, or would hold, entries that are prepared. */
  preparedDir(version: BootVersion): string
  /** All places where a set that is not the active one may lie. */
  inactiveDirs(): Promise<readonly string[]>
  /** Is what was planned for this version active? Sets without numbers are compared by content alone. */
  isActive(version: BootVersion): Promise<boolean>
  /** Make an empty directory for the set to be prepared. @throws `BOOT_VERSION_ACTIVE` */
  startSet(version: BootVersion): Promise<void>
  /** The visible step: syncs before and after. */
  switchTo(version: BootVersion): Promise<void>
  /** Remove a set by its directory of entries. */
  removeSet(entriesDir: string): Promise<void>
  /** What interrupted work left beside the sets. */
  removeTemporary(): Promise<void>
}

/**
 * The layout of a volume: `loader` as a link to `loader.0` or `loader.1` (libostree's, and whatever lives with
 * it) or as a directory (bootc's composefs backend). On a fresh volume the specs decide, `links` when one of
 * them does not ask for an exchange.
 *
 * @param wanted undefined when nothing is to be written
 * @throws BootcError `BOOT_UNSUPPORTED_LAYOUT`, `BOOT_UNSUPPORTED_VOLUME`
 */
export async function layoutOf(
  { dir, fsType }: Pick<Volume, 'dir' | 'fsType'>,
  wanted: 'links' | 'exchange' | undefined,
): Promise<SetLayout> {
  const found = await layoutFound(dir)
  const kind = found ?? wanted ?? 'links'
  if (wanted === 'links' && found === 'exchange') {
    if (!(await canConvert(dir))) {
      throw new BootcError(
        'BOOT_UNSUPPORTED_LAYOUT',
        "boot volume's loader is a directory that holds more than entries, not a link to loader.0 or loader.1",
        { details: { type: 'directory', target: '' } },
      )
    }
    assertVolume(dir, fsType, 'links')
    assertVolume(dir, fsType, 'exchange')
    return convertingLayout(dir)
  }
  const layout = kind === 'links' ? linksLayout(dir) : exchangeLayout(dir)
  // The first set is put in place by a plain rename.
  const isUsed = async () => (await layout.activeDir()) !== undefined
  if (wanted !== undefined) assertVolume(dir, fsType, kind === 'links' || (await isUsed()) ? kind : undefined)
  return layout
}

/** What a list of specs needs. An empty list has no wish. */
export function layoutWanted(specs: readonly Pick<BootSpec, 'entrySet'>[]): 'links' | 'exchange' {
  return specs.length > 0 && specs.every(({ entrySet }) => entrySet === 'exchange') ? 'exchange' : 'links'
}

/** @throws BootcError `BOOT_UNSUPPORTED_LAYOUT` when `loader` is something else, or a link elsewhere */
export async function layoutFound(dir: Dir): Promise<'links' | 'exchange' | undefined> {
  const stat = await dir.stat(loaderLink)
  if (stat === undefined) return undefined
  if (stat.type === 'directory') return 'exchange'
  // Says what is wrong with anything but a proper link.
  await linksLayout(dir).version()
  return 'links'
}

/** Sets are switched by a symbolic link, or exchanged: the volume must be able to (vfat has no links). */
function assertVolume(dir: Dir, fsType: string, need: SetLayout['kind'] | undefined): void {
  const unsupported = (why: string): BootcError =>
    new BootcError('BOOT_UNSUPPORTED_VOLUME', `boot volume of type ${fsType} ${why}`, { details: { fsType } })
  if (need === 'links' && !(dir.supports.symlink && fsType !== 'vfat')) {
    throw unsupported('has no symbolic links, which entries in two sets need')
  }
  if (need === 'exchange' && !dir.supports.exchange) {
    throw unsupported('cannot exchange two directories here, which a new set of entries needs')
  }
}
