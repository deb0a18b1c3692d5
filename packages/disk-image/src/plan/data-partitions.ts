import { invalidDisk } from '../errors.js'
import { partitionTypes } from './partition-types.js'

/** A file system of its own for a part of /var. */
export interface DataPartition {
  /** `/var` or a directory below it; `/home` is the same as `/var/home`. */
  readonly mountPoint: string
  /** Default ext4; others take root and loop devices. */
  readonly fs?: 'ext4' | 'xfs' | 'btrfs'
  /** Exactly so large. */
  readonly sizeBytes?: number
  /** At least so large, and as its content takes. */
  readonly minBytes?: number
  /** What it has to hold, file system structures included. */
  readonly contentBytes?: number
}

/** Systemd mounts what it knows by its type where the type says; these have a line in fstab. */
const noAuto = 63

/** Deeper ones are nobody's, and have no place in a name. */
const plainPath = /^\/var(\/[A-Za-z0-9_][A-Za-z0-9._-]*){0,4}$/
/** Links to /run in every system. */
const links = new Set(['/var/run', '/var/lock'])

/**
 * Where a partition is mounted, one spelling for each place.
 *
 * @throws BootcError `SYSROOT_DISK_INVALID`
 */
export function dataMountPoint(mountPoint: string): string {
  const path = mountPoint === '/home' ? '/var/home' : mountPoint
  if (plainPath.test(path) && !links.has(path)) return path
  const reason = 'can have no partition of its own: /var, /home and directories below /var can'
  throw invalidDisk('mount point', `${JSON.stringify(mountPoint)} ${reason}`)
}

/** In one order, whoever asked for them. @throws BootcError `SYSROOT_DISK_INVALID` for two of one place */
export function checkDataPartitions(wishes: readonly DataPartition[]): DataPartition[] {
  const known = wishes.map((wish) => ({ ...wish, mountPoint: dataMountPoint(wish.mountPoint) }))
  known.forEach(({ mountPoint }, index) => {
    if (known.findIndex((other) => other.mountPoint === mountPoint) === index) return
    throw invalidDisk('mount point', `there are two partitions for ${mountPoint}`)
  })
  return known
}

/** Type, name and flags in the partition table. @param mountPoint as `dataMountPoint` spells it */
export function dataKind(mountPoint: string): {
  readonly name: string
  readonly typeUuid: string
  readonly attributeBits: readonly number[]
} {
  const found = Object.entries(known).find(([path]) => path === mountPoint)?.[1]
  if (found !== undefined) return { ...found, attributeBits: [noAuto] }
  // Names in a table have at most 36 characters; they are for people.
  const name = mountPoint.slice(1).replaceAll('/', '-').slice(0, 36)
  return { name, typeUuid: partitionTypes.data, attributeBits: [] }
}

const known = {
  '/var': { name: 'var', typeUuid: partitionTypes.var },
  '/var/home': { name: 'home', typeUuid: partitionTypes.home },
  '/var/srv': { name: 'srv', typeUuid: partitionTypes.srv },
  '/var/tmp': { name: 'var-tmp', typeUuid: partitionTypes['var-tmp'] },
} as const
