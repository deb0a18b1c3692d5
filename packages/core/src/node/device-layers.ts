import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { VolumeLayer } from '../interfaces/index.js'
import { mountOf, type Mount } from './mounts.js'

/**
 * What lies between a file system and the disks that firmware reads, from the top: logical volumes, RAID, encryption.
 * Multipath and the RAID of a firmware are disks to a boot loader.
 *
 * @param path absolute, without links
 * @param sys where sysfs is mounted
 * @returns undefined where the device is not a local one, or sysfs does not know it
 * @see Linux Documentation/ABI/stable/sysfs-block, testing/sysfs-block-dm; lvm2 lib/activate/dev_manager.c for UUIDs
 */
export function deviceLayers(
  path: string,
  sys = '/sys',
  mounts?: readonly Mount[],
): readonly VolumeLayer[] | undefined {
  try {
    const device = deviceOf(path, mounts)
    if (device === undefined) return undefined
    const found = new Set<VolumeLayer>()
    collect(realpathSync(`${sys}/dev/block/${device}`), found, new Set())
    return [...found]
  } catch {
    return undefined
  }
}

function collect(block: string, found: Set<VolumeLayer>, seen: Set<string>): void {
  if (seen.has(block)) return
  seen.add(block)
  const layer = layerOf(block)
  if (layer !== undefined) found.add(layer)
  // A partition's stack is that of what it is a part of.
  if (existsSync(`${block}/partition`)) collect(dirname(block), found, seen)
  const slaves = `${block}/slaves`
  if (!existsSync(slaves)) return
  for (const name of readdirSync(slaves).sort()) collect(realpathSync(`${slaves}/${name}`), found, seen)
}

function layerOf(block: string): VolumeLayer | undefined {
  if (existsSync(`${block}/md`)) return 'raid'
  if (!existsSync(`${block}/dm/uuid`)) return undefined
  const uuid = readFileSync(`${block}/dm/uuid`, 'latin1')
  if (uuid.startsWith('LVM-')) return 'lvm'
  return uuid.startsWith('CRYPT-') ? 'crypt' : undefined
}

/** `253:0`. btrfs has a number of its own for each subvolume, so it is asked by its source. */
function deviceOf(path: string, mounts?: readonly Mount[]): string | undefined {
  const mount = mountOf(path, mounts)
  if (mount === undefined) return undefined
  if (!mount.device.startsWith('0:')) return mount.device
  if (!mount.source.startsWith('/dev/')) return undefined
  const { rdev } = statSync(mount.source)
  // As glibc puts the two numbers into one: makedev(3).
  return `${(rdev >>> 8) & 0xfff}:${((rdev >>> 12) & 0xfff00) | (rdev & 0xff)}`
}
