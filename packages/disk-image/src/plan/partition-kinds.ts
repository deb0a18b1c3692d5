import { invalidDisk, tooSmall, unsupportedDisk } from '../errors.js'
import { dataKind, type DataPartition } from './data-partitions.js'
import { findArchitecture, partitionTypes } from './partition-types.js'
import type { DiskRequest, PartitionRole, RootFs } from './plan-disk.js'
import { mebibyte, roundUp } from './units.js'

/** Below this FAT32 has too few clusters to be FAT32. */
const leastEspBytes = 34 * mebibyte
const legacyBootable = 2

/** A partition without its place. */
export interface PartitionKind {
  readonly role: PartitionRole
  readonly name: string
  readonly typeUuid: string
  readonly attributeBits: readonly number[]
  readonly mountPoint?: string
  readonly sizeBytes: number
  readonly fs?: { readonly type: RootFs | 'vfat'; readonly label: string; readonly verity: boolean }
}

export function architectureOf(request: DiskRequest): NonNullable<ReturnType<typeof findArchitecture>> {
  const found = findArchitecture(request.architecture)
  if (found !== undefined) return found
  throw unsupportedDisk(`architecture ${request.architecture}`, 'no type of its root partition is known')
}

export function firmwareParts(request: DiskRequest): PartitionKind[] {
  const { bootMode, architecture, espContentBytes = 0 } = request
  const { uefi, bios, bare = false } = architectureOf(request)
  const parts: PartitionKind[] = []
  if (bare) return parts
  if (bootMode !== 'uefi') {
    if (bios === undefined) throw unsupportedDisk(`architecture ${architecture}`, 'has no BIOS to boot from')
    const prep = bios === 'prep'
    parts.push({
      role: bios,
      name: prep ? 'PowerPC-PReP-boot' : 'BIOS-BOOT',
      typeUuid: partitionTypes[bios],
      attributeBits: [legacyBootable],
      sizeBytes: (prep ? 4 : 1) * mebibyte,
    })
  }
  if (bootMode !== 'bios') {
    if (!uefi) throw unsupportedDisk(`architecture ${architecture}`, 'has no UEFI to boot from')
    const needBytes = fatBytes(espContentBytes)
    const sizeBytes =
      request.espBytes ?? Math.max(512 * mebibyte, roundUp(fatBytes(espContentBytes * 3), mebibyte))
    if (sizeBytes < needBytes) throw tooSmall('EFI system partition', needBytes, sizeBytes)
    parts.push({
      role: 'esp',
      name: 'EFI-SYSTEM',
      typeUuid: partitionTypes.esp,
      attributeBits: [],
      sizeBytes,
      fs: { type: 'vfat', label: 'EFI-SYSTEM', verity: false },
    })
  } else if (request.espBytes !== undefined || espContentBytes > 0) {
    throw invalidDisk('bootMode', 'bios has no EFI system partition, but one has content or a size')
  }
  return parts
}

export function bootPart({ xbootldr }: DiskRequest): PartitionKind[] {
  if (xbootldr === undefined) return []
  const { fs, contentBytes = 0, minBytes = 0 } = xbootldr
  const needBytes = fs === 'vfat' ? fatBytes(contentBytes) : roundUp(contentBytes + 16 * mebibyte, mebibyte)
  const sizeBytes = xbootldr.sizeBytes ?? roundUp(Math.max(512 * mebibyte, needBytes * 3, minBytes), mebibyte)
  const leastBytes = Math.max(needBytes, minBytes)
  if (sizeBytes < leastBytes) throw tooSmall('/boot partition', leastBytes, sizeBytes)
  return [
    {
      role: 'xbootldr',
      name: 'boot',
      typeUuid: partitionTypes.xbootldr,
      attributeBits: [],
      sizeBytes,
      fs: { type: fs, label: fs === 'vfat' ? 'BOOT' : 'boot', verity: false },
    },
  ]
}

/** @param leftBytes what a partition takes that is the last one and has no size, where the disk has one */
export function dataPart(wish: DataPartition, leftBytes?: number): PartitionKind {
  const { mountPoint, fs = 'ext4', contentBytes = 0, minBytes = 0 } = wish
  const kind = dataKind(mountPoint)
  const needBytes = Math.max(leastFsBytes[fs], roundUp(contentBytes, mebibyte))
  const roomy = minBytes > 0 ? Math.max(needBytes, minBytes) : Math.max(1024 * mebibyte, contentBytes * 2.2)
  const sizeBytes = wish.sizeBytes ?? leftBytes ?? roundUp(roomy, mebibyte)
  const leastBytes = Math.max(needBytes, minBytes)
  if (sizeBytes < leastBytes)
    throw tooSmall(`partition for ${mountPoint}`, leastBytes, Math.max(0, sizeBytes))
  return {
    ...kind,
    role: 'data',
    mountPoint,
    sizeBytes,
    fs: { type: fs, label: kind.name.slice(0, 12), verity: false },
  }
}

/** What their programs take, and some room. */
const leastFsBytes = { ext4: 64 * mebibyte, xfs: 320 * mebibyte, btrfs: 256 * mebibyte } as const

/** Room that FAT32 takes for so much content: clusters of 2 KiB, two tables, directories. */
function fatBytes(contentBytes: number): number {
  return Math.max(leastEspBytes, roundUp(contentBytes * 1.02 + 2 * mebibyte, mebibyte))
}
