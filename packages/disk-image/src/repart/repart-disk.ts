import type { Warning } from '@bootc-sdk/core'
import { invalidDisk, tooSmall, unsupportedDisk } from '../errors.js'
import { gptTailBytes } from '../format/gpt.js'
import type { ImageDisk } from '../install/types.js'
import { dataMountPoint, type DataPartition } from '../plan/data-partitions.js'
import type { RootFs, TableWish } from '../plan/plan-disk.js'
import { mebibyte, roundUp } from '../plan/units.js'
import { parseDefinition, type Definition } from './definition.js'
import { distribute } from './distribute.js'
import type { RepartFile } from './parse-fragment.js'

export interface RepartOptions {
  /** OCI name. */
  readonly architecture: string
  /** As asked for; it decides what a /boot of its own is. */
  readonly bootloader?: string | undefined
  /** Of the whole disk, where it is known: then sizes are shared out by weight. */
  readonly diskBytes?: number
}

/**
 * A disk as files of repart.d describe it. Order and file systems are those of our own plan. Where the size of the disk is
 * not known, least sizes count, and each partition is as large as its content takes.
 *
 * @throws BootcError `SYSROOT_DISK_INVALID`, `SYSROOT_DISK_UNSUPPORTED`, `SYSROOT_DISK_TOO_SMALL`
 * @see systemd 257 repart.d(5)
 */
export function repartDisk(
  files: readonly RepartFile[],
  { architecture, bootloader, diskBytes }: RepartOptions,
): { readonly disk: ImageDisk; readonly warnings: readonly Warning[] } {
  const warnings: Warning[] = []
  const found = [...files]
    .sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
    .map((file) => parseDefinition(file, architecture, (warning) => void warnings.push(warning)))
  const definitions = found.map((each) =>
    each.mountPoint === undefined ? each : { ...each, mountPoint: dataMountPoint(each.mountPoint) },
  )
  checkTwice(definitions)
  const one = (role: Definition['role']) => definitions.find((each) => each.role === role)
  const [esp, xbootldr, root] = [one('esp'), one('xbootldr'), one('root')]
  if (root === undefined) throw invalidDisk('repart.d', 'has no partition of type root')
  if (esp !== undefined) formatOf(esp, ['vfat'])
  if (xbootldr !== undefined) formatOf(xbootldr, [bootloader === 'grub' ? 'ext4' : 'vfat'])
  const sizes = diskBytes === undefined ? openSizes(definitions) : sharedSizes(definitions, diskBytes)
  const sizeOf = (part: Definition) => sizes.get(part) ?? {}
  const bootMode = bootModeOf(definitions)
  const rootFs = formatOf(root, rootFormats)
  const espBytes = esp && (sizeOf(esp).sizeBytes ?? sizeOf(esp).minBytes)
  const rootSize = sizeOf(root)
  const data = definitions.flatMap((part): DataPartition[] => {
    if (part.mountPoint === undefined) return []
    const fs = formatOf(part, rootFormats)
    return [{ mountPoint: part.mountPoint, ...(fs === undefined ? {} : { fs }), ...sizeOf(part) }]
  })
  const table = Object.fromEntries(
    definitions.map(({ role, mountPoint, table }): [string, TableWish] => [mountPoint ?? role, table]),
  )
  return {
    warnings,
    disk: {
      table,
      ...(bootMode === undefined ? {} : { bootMode }),
      ...(diskBytes === undefined ? {} : { diskBytes }),
      ...(rootFs === undefined ? {} : { rootFs }),
      ...(espBytes === undefined ? {} : { espBytes }),
      ...(xbootldr === undefined ? {} : { xbootldr: sizeOf(xbootldr) }),
      ...(rootSize.sizeBytes === undefined ? {} : { rootBytes: rootSize.sizeBytes }),
      ...(rootSize.minBytes === undefined ? {} : { rootMinBytes: rootSize.minBytes }),
      ...(data.length === 0 ? {} : { data }),
    },
  }
}

const rootFormats = ['ext4', 'xfs', 'btrfs'] as const satisfies readonly RootFs[]

function formatOf<T extends string>({ name, format }: Definition, known: readonly T[]): T | undefined {
  if (format === undefined) return undefined
  const found = known.find((each) => each === format)
  if (found !== undefined) return found
  throw unsupportedDisk(`${name}: Format=${format}`, `such a partition has ${known.join(' or ')}`)
}

function checkTwice(definitions: readonly Definition[]): void {
  const keys = new Map<string, string>()
  for (const { name, role, mountPoint } of definitions) {
    const key = mountPoint ?? role
    const other = keys.get(key)
    if (other !== undefined) throw invalidDisk('repart.d', `${other} and ${name} are both for ${key}`)
    keys.set(key, name)
  }
}

function bootModeOf(definitions: readonly Definition[]): ImageDisk['bootMode'] {
  const has = (...roles: readonly Definition['role'][]) =>
    definitions.some(({ role }) => roles.includes(role))
  const bios = has('bios-boot', 'prep')
  if (!has('esp')) return bios ? 'bios' : undefined
  return bios ? 'both' : 'uefi'
}

type Sizes = ReadonlyMap<Definition, { readonly sizeBytes?: number; readonly minBytes?: number }>

const isFirmware = ({ role }: Definition) => role === 'bios-boot' || role === 'prep'

function openSizes(definitions: readonly Definition[]): Sizes {
  const sizes = definitions.map((part): [Definition, { sizeBytes?: number; minBytes?: number }] => {
    const min = part.minBytes === undefined ? undefined : roundUp(part.minBytes, mebibyte)
    if (min === undefined) return [part, {}]
    return [part, part.maxBytes === part.minBytes ? { sizeBytes: min } : { minBytes: min }]
  })
  return new Map(sizes)
}

/** systemd-repart's own, where a file says nothing. */
const leastBytes = 10 * mebibyte

/** The root comes last in our order and takes what rounding leaves, unless it may not. */
function sharedSizes(definitions: readonly Definition[], diskBytes: number): Sizes {
  const shared = definitions.filter((part) => !isFirmware(part))
  // The first MiB has the table; that of BIOS is as large as its code takes.
  const first = (definitions.some(({ role }) => role === 'prep') ? 5 : 1) * mebibyte
  const bios = definitions.some(({ role }) => role === 'bios-boot') ? mebibyte : 0
  const totalBytes = diskBytes - gptTailBytes - first - bios
  const shares = shared.map(({ minBytes = leastBytes, maxBytes = Infinity, weight }) => ({
    ...{ minBytes, maxBytes: Math.max(minBytes, maxBytes), weight },
  }))
  const sizes = distribute(shares, totalBytes, mebibyte)
  if (sizes === undefined) {
    const needBytes = shares.reduce((sum, { minBytes }) => sum + minBytes, diskBytes - totalBytes)
    throw tooSmall('disk', needBytes, diskBytes)
  }
  return new Map(
    shared.map((part, index) => {
      const isOpen = part.role === 'root' && sizes[index]! < shares[index]!.maxBytes && part.weight > 0
      return [part, isOpen ? { minBytes: shares[index]!.minBytes } : { sizeBytes: sizes[index]! }]
    }),
  )
}
