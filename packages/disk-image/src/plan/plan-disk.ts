import { invalidDisk, tooSmall, unsupportedDisk } from '../errors.js'
import { gptTailBytes } from '../format/gpt.js'
import { findArchitecture, partitionTypes } from './partition-types.js'
import { seedUuid, seedVolumeId } from './seed-uuid.js'

export const mebibyte = 1 << 20

export type RootFs = 'ext4' | 'xfs' | 'btrfs'
export type PartitionRole = 'bios-boot' | 'prep' | 'esp' | 'xbootldr' | 'root'

export interface DiskRequest {
  /** OCI (`amd64`) or kernel (`x86_64`) name. */
  readonly architecture: string
  readonly bootMode: 'uefi' | 'bios' | 'both'
  readonly rootFs: RootFs
  /** All UUIDs come from it: the same seed gives the same disk. The digest of the image is a good one. */
  readonly seed: string
  /** Default: three times the content, at least 512 MiB. */
  readonly espBytes?: number
  /** What the ESP has to hold: sizes of files, rounded up to clusters. */
  readonly espContentBytes?: number
  /** A /boot of its own; FAT where a loader other than GRUB reads it. */
  readonly xbootldr?: {
    readonly fs: 'vfat' | 'ext4'
    readonly sizeBytes?: number
    readonly contentBytes?: number
  }
  /** Default: room for a second image beside the content, and at least 2 GiB. */
  readonly rootBytes?: number
  /** Default sizes of the root are not below this (`filesystem.minsize` of a customization). */
  readonly rootMinBytes?: number
  /** What the root has to hold, file system structures included. */
  readonly rootContentBytes?: number
  /** Make fs-verity possible on the root; default true with ext4. */
  readonly verity?: boolean
  /** Of the whole disk; without `rootBytes` the root takes what is left. */
  readonly diskBytes?: number
}

export interface PlannedPartition {
  readonly role: PartitionRole
  /** 1, 2, … */
  readonly number: number
  readonly name: string
  readonly typeUuid: string
  readonly uuid: string
  readonly attributeBits: readonly number[]
  readonly startBytes: number
  readonly sizeBytes: number
  readonly fs?: {
    readonly type: RootFs | 'vfat'
    readonly label: string
    /** UUID, or for FAT the serial number as `1A2B-3C4D`: what `root=UUID=` and `search --fs-uuid` take. */
    readonly uuid: string
    readonly verity: boolean
  }
}

/** Plain data; equal requests give equal plans. */
export interface DiskPlan {
  readonly diskUuid: string
  readonly diskBytes: number
  readonly partitions: readonly PlannedPartition[]
}

/** Below this FAT32 has too few clusters to be FAT32. */
const leastEspBytes = 34 * mebibyte
const legacyBootable = 2
const growFileSystem = 59

/**
 * Partitions of a disk, in the order and with the names of bootc's: firmware's, ESP, /boot, root last.
 *
 * @throws BootcError `SYSROOT_DISK_INVALID`, `SYSROOT_DISK_UNSUPPORTED`, `SYSROOT_DISK_TOO_SMALL`
 */
export function planDisk(request: DiskRequest): DiskPlan {
  const { seed, rootFs } = request
  if (seed === '') throw invalidDisk('seed', 'is empty')
  checkSizes(request)
  const verity = request.verity ?? rootFs === 'ext4'
  if (verity && rootFs === 'xfs') {
    throw unsupportedDisk('fs-verity', 'xfs has it only in kernels and tools that do not agree yet')
  }
  const wanted = [...firmwareParts(request), ...bootPart(request)]
  const partitions: PlannedPartition[] = []
  let end = mebibyte
  const add = (part: Wanted, sizeBytes: number) => {
    const number = partitions.length + 1
    const { fs, ...rest } = part
    partitions.push({
      ...rest,
      number,
      uuid: seedUuid(seed, `partition ${part.role}`),
      startBytes: end,
      sizeBytes,
      ...(fs === undefined ? {} : { fs: { ...fs, uuid: fsUuid(seed, part.role, fs.type) } }),
    })
    end += sizeBytes
  }
  for (const part of wanted) add(part, part.sizeBytes)
  const rootBytes = sizeOfRoot(request, end)
  add(
    {
      role: 'root',
      name: 'root',
      typeUuid: architectureOf(request).rootType,
      attributeBits: [growFileSystem],
      sizeBytes: rootBytes,
      fs: { type: rootFs, label: 'root', verity },
    },
    rootBytes,
  )
  // The second table takes less than the last mebibyte.
  return {
    diskUuid: seedUuid(seed, 'disk'),
    diskBytes: request.diskBytes ?? end + mebibyte,
    partitions,
  }
}

interface Wanted {
  readonly role: PartitionRole
  readonly name: string
  readonly typeUuid: string
  readonly attributeBits: readonly number[]
  readonly sizeBytes: number
  readonly fs?: { readonly type: RootFs | 'vfat'; readonly label: string; readonly verity: boolean }
}

function architectureOf(request: DiskRequest): NonNullable<ReturnType<typeof findArchitecture>> {
  const found = findArchitecture(request.architecture)
  if (found !== undefined) return found
  throw unsupportedDisk(`architecture ${request.architecture}`, 'no type of its root partition is known')
}

function firmwareParts(request: DiskRequest): Wanted[] {
  const { bootMode, architecture, espContentBytes = 0 } = request
  const { uefi, bios, bare = false } = architectureOf(request)
  const parts: Wanted[] = []
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

function bootPart({ xbootldr }: DiskRequest): Wanted[] {
  if (xbootldr === undefined) return []
  const { fs, contentBytes = 0 } = xbootldr
  const needBytes = fs === 'vfat' ? fatBytes(contentBytes) : roundUp(contentBytes + 16 * mebibyte, mebibyte)
  const sizeBytes = xbootldr.sizeBytes ?? Math.max(512 * mebibyte, roundUp(needBytes * 3, mebibyte))
  if (sizeBytes < needBytes) throw tooSmall('/boot partition', needBytes, sizeBytes)
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

function sizeOfRoot(request: DiskRequest, startBytes: number): number {
  const { rootContentBytes = 0, rootMinBytes = 0, diskBytes } = request
  const needBytes = Math.max(64 * mebibyte, roundUp(rootContentBytes, mebibyte))
  const roomy = roundUp(Math.max(2048 * mebibyte, rootContentBytes * 2.2, rootMinBytes), mebibyte)
  const left =
    diskBytes === undefined
      ? undefined
      : Math.floor((diskBytes - gptTailBytes - startBytes) / mebibyte) * mebibyte
  const sizeBytes = request.rootBytes ?? left ?? roomy
  if (left !== undefined && sizeBytes > left)
    throw tooSmall('disk', startBytes + sizeBytes, startBytes + left)
  if (sizeBytes < needBytes) throw tooSmall('root partition', needBytes, Math.max(0, sizeBytes))
  if (sizeBytes < rootMinBytes) throw tooSmall('root partition', rootMinBytes, sizeBytes)
  return sizeBytes
}

/** Room that FAT32 takes for so much content: clusters of 2 KiB, two tables, directories. */
function fatBytes(contentBytes: number): number {
  return Math.max(leastEspBytes, roundUp(contentBytes * 1.02 + 2 * mebibyte, mebibyte))
}

function checkSizes(request: DiskRequest): void {
  const sizes = {
    espBytes: request.espBytes,
    rootBytes: request.rootBytes,
    diskBytes: request.diskBytes,
    'xbootldr.sizeBytes': request.xbootldr?.sizeBytes,
  }
  for (const [what, value] of Object.entries(sizes)) {
    if (value === undefined) continue
    if (!Number.isSafeInteger(value) || value <= 0) throw invalidDisk(what, `${value} is not a size in bytes`)
    if (value % mebibyte !== 0) throw invalidDisk(what, `${value} is not a multiple of 1 MiB`)
  }
}

function fsUuid(seed: string, role: PartitionRole, type: RootFs | 'vfat'): string {
  return type === 'vfat' ? seedVolumeId(seed, `fs ${role}`) : seedUuid(seed, `fs ${role}`)
}

export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple
}
