import { invalidDisk, unsupportedDisk } from './errors.js'
import { estimateExt4 } from './ext4/estimate.js'
import type { PackOptions } from './pack-disk.js'
import { dataMountPoint } from './plan/data-partitions.js'
import {
  type DiskPlan,
  type DiskRequest,
  planDisk,
  type PlannedPartition,
  type RootFs,
} from './plan/plan-disk.js'
import { mebibyte } from './plan/units.js'
import { type PackNode, type PackSource, scanTree } from './scan-tree.js'
import type { Formatters } from './tools/formatters.js'
import { checkVfatNames } from './vfat/check-names.js'
import { vfatContentBytes } from './vfat/make-vfat.js'

/** What is in each file system: `root`, `esp`, `xbootldr`, and by mount point the others. */
export type Scans = ReadonlyMap<string, PackNode[]>

export function sourcesByKey({ sources }: PackOptions): Map<string, PackSource> {
  const { root, esp, xbootldr, data = {} } = sources
  return new Map([
    ['root', root],
    ...(esp === undefined ? [] : [['esp', esp] as const]),
    ...(xbootldr === undefined ? [] : [['xbootldr', xbootldr] as const]),
    ...Object.entries(data),
  ])
}

export function keyOf({ role, mountPoint }: PlannedPartition): string {
  return mountPoint ?? role
}

export async function scanAll(options: PackOptions): Promise<Scans> {
  const scans = new Map<string, PackNode[]>()
  for (const [key, source] of sourcesByKey(options)) scans.set(key, await scanTree(source, options.signal))
  return scans
}

/** The plan, when it is known what there is to hold. */
export function planFor(options: PackOptions, scans: Scans): DiskPlan {
  const { disk, formatters } = options
  assertFileSystems(disk, formatters)
  const [esp, xbootldr = []] = [scans.get('esp'), scans.get('xbootldr')]
  if (esp !== undefined) checkVfatNames(esp)
  if (disk.xbootldr?.fs === 'vfat') checkVfatNames(xbootldr)
  const plan = planDisk({
    ...disk,
    espContentBytes: esp === undefined ? 0 : vfatContentBytes(esp),
    rootContentBytes: contentOf(scans.get('root') ?? [], disk.rootFs),
    ...(disk.xbootldr === undefined
      ? {}
      : { xbootldr: { ...disk.xbootldr, contentBytes: contentOf(xbootldr, disk.xbootldr.fs) } }),
    ...(disk.data === undefined
      ? {}
      : {
          data: disk.data.map((wish) => {
            const nodes = scans.get(dataMountPoint(wish.mountPoint)) ?? []
            return { ...wish, contentBytes: contentOf(nodes, wish.fs ?? 'ext4') }
          }),
        }),
  })
  const keys = new Set(plan.partitions.map(keyOf))
  for (const key of scans.keys()) {
    if (!keys.has(key)) throw invalidDisk(key, 'there is content for a partition that the disk does not have')
  }
  return plan
}

/** Can the file systems with owners be made here? @throws BootcError `SYSROOT_DISK_UNSUPPORTED` */
export function assertFileSystems(
  { rootFs, data = [] }: Pick<DiskRequest, 'rootFs' | 'data'>,
  formatters: Formatters,
): void {
  const wanted = [['root', rootFs] as const, ...data.map(({ mountPoint, fs }) => [mountPoint, fs] as const)]
  for (const [what, fs = 'ext4'] of wanted) {
    if (fs === 'ext4' || formatters.mounted !== undefined) continue
    throw unsupportedDisk(
      `${what} file system ${fs}`,
      `${whyNot[fs]}; mounting it takes root and loop devices`,
    )
  }
}

/** Both could hold a plain tree; a sysroot is none. */
const whyNot = {
  xfs: 'mkfs.xfs takes neither hard links nor extended attributes from a directory',
  btrfs: 'mkfs.btrfs takes owners and attributes from the disk, where without root they are not',
} as const

/** Copies of metadata that btrfs keeps, and least sizes of both. */
const otherFsBytes = 256 * mebibyte

function contentOf(nodes: readonly PackNode[], fs: RootFs | 'vfat'): number {
  if (nodes.length === 0) return 0
  if (fs === 'vfat') return vfatContentBytes(nodes)
  return estimateExt4(nodes) * (fs === 'btrfs' ? 1.2 : 1) + (fs === 'ext4' ? 0 : otherFsBytes)
}

export function countOf(scans: Scans): number {
  return [...scans.values()].reduce((sum, nodes) => sum + nodes.length, 0)
}
