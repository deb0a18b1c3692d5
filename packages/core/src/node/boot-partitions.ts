import { BootcError } from '../errors.js'
import type { Mount } from './mounts.js'

/*
 * Partitions that firmware and boot loaders read, on all disks that the root file system lies on. Pure: works
 * on what `lsblk --json` says. See lsblk(8) of util-linux 2.37 to 2.41, UAPI.2.
 */

/** Arguments of lsblk that the parser needs; older versions than 2.37 know no MOUNTPOINTS. */
export const lsblkArguments: readonly string[] = [
  'lsblk',
  '--json',
  '--paths',
  '--output',
  'NAME,KNAME,MAJ:MIN,TYPE,PTTYPE,PARTTYPE,UUID,FSTYPE,MOUNTPOINTS,RO',
]

export interface BootPartition {
  readonly role: 'esp' | 'xbootldr'
  /** What holds the file system: the partition, or the mirror it is a part of. */
  readonly device: string
  readonly uuid?: string
  /** `vfat`; absent where nothing was recognised. */
  readonly fsType?: string
  readonly mountPoints: readonly string[]
  /** The block device itself. */
  readonly readOnly: boolean
}

/** What the root file system is mounted from; btrfs has no device number of its own, others need not have a path. */
export type RootMount = Pick<Mount, 'device' | 'source'>

const gptRoles: Readonly<Record<string, BootPartition['role']>> = {
  'c12a7328-f81f-11d2-ba4b-00a0c93ec93b': 'esp',
  'bc13c2ff-59e6-4262-a352-b275fd6f7172': 'xbootldr',
}
/** EFI system partition; FAT16 as some old firmware wants it; extended boot partition. */
const mbrRoles: Readonly<Record<string, BootPartition['role']>> = {
  '0xef': 'esp',
  '0x6': 'esp',
  '0xea': 'xbootldr',
}

interface Node {
  readonly name: string
  readonly kname?: string
  readonly 'maj:min'?: string
  readonly type?: string
  readonly pttype?: string | null
  readonly parttype?: string | null
  readonly uuid?: string | null
  readonly fstype?: string | null
  readonly mountpoints?: readonly (string | null)[]
  /** Of older versions. */
  readonly mountpoint?: string | null
  readonly ro?: boolean | string | number
  readonly children?: readonly Node[]
}

/**
 * ESPs and extended boot partitions on the disks below a file system, through RAID, LVM and encryption, in the
 * order of the disks. A mirror of ESPs is one.
 *
 * @param json output of `lsblk --json`
 * @param root where the root file system is mounted from
 * @throws BootcError `HOST_DOCUMENT_INVALID`
 */
export function bootPartitions(json: string, root: RootMount): BootPartition[] {
  const disks = parseLsblk(json)
  const rootNodes = disks.flatMap((disk) => [...below(disk)]).filter((node) => isSource(node, root))
  const uuids = new Set(rootNodes.flatMap(({ uuid }) => uuid ?? []))
  // Other devices of the same file system (btrfs) have its UUID, too.
  const holdsRoot = (node: Node): boolean =>
    isSource(node, root) || (typeof node.uuid === 'string' && uuids.has(node.uuid))
  const found = new Map<string, BootPartition>()
  for (const disk of disks.filter((each) => [...below(each)].some(holdsRoot))) {
    for (const node of below(disk)) {
      const role = roleOf(node)
      // What is within a container of another kind (a guest's disk on a volume) is not this machine's.
      if (role === undefined) continue
      const holder = mirrorOf(node)
      found.set(holder.kname ?? holder.name, toPartition(role, holder))
    }
  }
  return [...found.values()]
}

function* below(node: Node): Generator<Node> {
  yield node
  for (const child of node.children ?? []) yield* below(child)
}

function isSource(node: Node, { device, source }: RootMount): boolean {
  return node['maj:min'] === device || node.name === source || node.kname === source
}

function roleOf({ type, pttype, parttype }: Node): BootPartition['role'] | undefined {
  if (type !== 'part' || typeof parttype !== 'string') return undefined
  const roles = pttype === 'dos' || parttype.startsWith('0x') ? mbrRoles : gptRoles
  return roles[parttype.toLowerCase()]
}

/** Firmware reads each part of a mirror whose data begins at its first sector; the system reads the whole. */
function mirrorOf(node: Node): Node {
  return node.children?.find(({ type }) => type === 'raid1') ?? node
}

function toPartition(role: BootPartition['role'], node: Node): BootPartition {
  const points = node.mountpoints ?? [node.mountpoint ?? null]
  return {
    ...{ role, device: node.name },
    ...(typeof node.uuid === 'string' ? { uuid: node.uuid } : {}),
    ...(typeof node.fstype === 'string' ? { fsType: node.fstype } : {}),
    mountPoints: points.filter((point) => typeof point === 'string'),
    readOnly: node.ro === true || node.ro === '1' || node.ro === 1,
  }
}

function parseLsblk(json: string): readonly Node[] {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (cause) {
    throw invalid('is not JSON', cause)
  }
  const devices = (value as { blockdevices?: unknown } | null)?.blockdevices
  if (!isNodes(devices)) throw invalid('has no list of block devices with names')
  return devices
}

function isNodes(value: unknown): value is readonly Node[] {
  return (
    Array.isArray(value) &&
    value.every((node: Partial<Record<keyof Node, unknown>> | null) => {
      const { name, mountpoints, children } = node ?? {}
      return (
        typeof name === 'string' &&
        (mountpoints === undefined || Array.isArray(mountpoints)) &&
        (children === undefined || isNodes(children))
      )
    })
  )
}

function invalid(problem: string, cause?: unknown): BootcError {
  return new BootcError('HOST_DOCUMENT_INVALID', `the output of lsblk ${problem}`, { cause })
}
