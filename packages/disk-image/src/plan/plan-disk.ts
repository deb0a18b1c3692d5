import { invalidDisk, tooSmall, unsupportedDisk } from '../errors.js'
import { gptTailBytes } from '../format/gpt.js'
import { checkDataPartitions, type DataPartition } from './data-partitions.js'
import { architectureOf, bootPart, dataPart, firmwareParts, type PartitionKind } from './partition-kinds.js'
import { seedUuid, seedVolumeId } from './seed-uuid.js'
import { mebibyte, roundUp } from './units.js'

export type RootFs = 'ext4' | 'xfs' | 'btrfs'
export type PartitionRole = 'bios-boot' | 'prep' | 'esp' | 'xbootldr' | 'root' | 'data'

/** What the table says of a partition, where it is not to be what it is by default. */
export interface TableWish {
  /** At most 36 characters. */
  readonly name?: string
  readonly uuid?: string
  /** Enlarge the file system to the partition when it is mounted. */
  readonly growFileSystem?: boolean
  /** Do not mount it by its type. */
  readonly noAuto?: boolean
  readonly readOnly?: boolean
}

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
    /** A default size is not below this. */
    readonly minBytes?: number
    readonly contentBytes?: number
  }
  /** Parts of /var on partitions of their own: before the root those with a size or a least size, the others behind it. */
  readonly data?: readonly DataPartition[]
  /** Default: room for a second image beside the content, and at least 2 GiB. */
  readonly rootBytes?: number
  /** Default sizes of the root are not below this (`filesystem.minsize` of a customization). */
  readonly rootMinBytes?: number
  /** What the root has to hold, file system structures included. */
  readonly rootContentBytes?: number
  /** Make fs-verity possible on the root; default true with ext4. */
  readonly verity?: boolean
  /** By role, or for data by mount point. */
  readonly table?: Readonly<Record<string, TableWish>>
  /** Of the whole disk; the last partition takes what is left, unless it has a size. */
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
  /** Of role `data`: where it belongs, as `/var`. */
  readonly mountPoint?: string
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

const growFileSystem = 59
/** @see UAPI.2 Discoverable Partitions Specification, "Partition Flags" */
const tableFlags = { growFileSystem, readOnly: 60, noAuto: 63 } as const

/**
 * Partitions of a disk, in the order and with the names of bootc's: firmware's, ESP, /boot, root last. Only data partitions
 * without a size of their own come behind it, since the last one is what grows.
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
  const data = checkDataPartitions(request.data ?? [])
  const sized = ({ sizeBytes, minBytes }: DataPartition) => sizeBytes !== undefined || minBytes !== undefined
  const before = data.filter(sized)
  const behind = data.filter((wish) => !sized(wish))
  const partitions: PlannedPartition[] = []
  let end = mebibyte
  const add = (part: PartitionKind) => {
    const { fs, ...rest } = part
    const purpose = part.mountPoint === undefined ? part.role : `${part.role} ${part.mountPoint}`
    partitions.push({
      ...rest,
      number: partitions.length + 1,
      uuid: seedUuid(seed, `partition ${purpose}`),
      ...tableOf(part, request.table),
      startBytes: end,
      ...(fs === undefined ? {} : { fs: { ...fs, uuid: fsUuid(seed, purpose, fs.type) } }),
    })
    end += part.sizeBytes
  }
  for (const part of [...firmwareParts(request), ...bootPart(request)]) add(part)
  for (const wish of before) add(dataPart(wish))
  add({
    role: 'root',
    name: 'root',
    typeUuid: architectureOf(request).rootType,
    attributeBits: behind.length === 0 ? [growFileSystem] : [],
    sizeBytes: sizeOfRoot(request, leftFrom(end, request), behind.length === 0),
    fs: { type: rootFs, label: 'root', verity },
  })
  for (const [index, wish] of behind.entries()) {
    const isLast = index === behind.length - 1
    const part = dataPart(wish, isLast ? leftFrom(end, request) : undefined)
    add(isLast ? { ...part, attributeBits: [growFileSystem, ...part.attributeBits] } : part)
  }
  // The second table takes less than the last mebibyte.
  return {
    diskUuid: seedUuid(seed, 'disk'),
    diskBytes: request.diskBytes ?? end + mebibyte,
    partitions,
  }
}

/** From here to the second partition table, in whole MiB; undefined where the disk becomes as large as it has to be. */
function leftFrom(startBytes: number, { diskBytes }: DiskRequest): number | undefined {
  if (diskBytes === undefined) return undefined
  return Math.floor((diskBytes - gptTailBytes - startBytes) / mebibyte) * mebibyte
}

function sizeOfRoot(request: DiskRequest, left: number | undefined, isLast: boolean): number {
  const { rootContentBytes = 0, rootMinBytes = 0, diskBytes = 0 } = request
  const needBytes = Math.max(64 * mebibyte, roundUp(rootContentBytes, mebibyte))
  const roomy = roundUp(Math.max(2048 * mebibyte, rootContentBytes * 2.2, rootMinBytes), mebibyte)
  const sizeBytes = request.rootBytes ?? (isLast ? left : undefined) ?? roomy
  if (left !== undefined && sizeBytes > left) {
    throw tooSmall('disk', diskBytes + sizeBytes - left, diskBytes)
  }
  if (sizeBytes < needBytes) throw tooSmall('root partition', needBytes, Math.max(0, sizeBytes))
  if (sizeBytes < rootMinBytes) throw tooSmall('root partition', rootMinBytes, sizeBytes)
  return sizeBytes
}

function checkSizes(request: DiskRequest): void {
  const sizes = {
    espBytes: request.espBytes,
    rootBytes: request.rootBytes,
    diskBytes: request.diskBytes,
    'xbootldr.sizeBytes': request.xbootldr?.sizeBytes,
    ...Object.fromEntries(
      (request.data ?? []).map(({ mountPoint, sizeBytes }) => [`size of ${mountPoint}`, sizeBytes]),
    ),
  }
  for (const [what, value] of Object.entries(sizes)) {
    if (value === undefined) continue
    if (!Number.isSafeInteger(value) || value <= 0) throw invalidDisk(what, `${value} is not a size in bytes`)
    if (value % mebibyte !== 0) throw invalidDisk(what, `${value} is not a multiple of 1 MiB`)
  }
}

function tableOf(
  { role, mountPoint, attributeBits }: PartitionKind,
  table: DiskRequest['table'] = {},
): Partial<Pick<PlannedPartition, 'name' | 'uuid' | 'attributeBits'>> {
  const key = mountPoint ?? role
  if (!Object.hasOwn(table, key)) return {}
  const { name, uuid, ...flags } = table[key]!
  const bits = new Set(attributeBits)
  for (const [flag, bit] of Object.entries(tableFlags)) {
    const isSet = flags[flag as keyof typeof tableFlags]
    if (isSet === true) bits.add(bit)
    if (isSet === false) bits.delete(bit)
  }
  return {
    ...(name === undefined ? {} : { name }),
    ...(uuid === undefined ? {} : { uuid }),
    attributeBits: [...bits].sort((a, b) => a - b),
  }
}

function fsUuid(seed: string, purpose: string, type: RootFs | 'vfat'): string {
  return type === 'vfat' ? seedVolumeId(seed, `fs ${purpose}`) : seedUuid(seed, `fs ${purpose}`)
}
