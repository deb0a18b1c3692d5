import { type FileHandle, mkdtemp, open, rename, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import type { OpOptions } from '@bootc-sdk/core'
import { inodesFor } from './ext4/estimate.js'
import { invalidDisk, tooSmall } from './errors.js'
import { writeGpt } from './format/gpt.js'
import { assertUnused } from './install/output.js'
import { rawToQcow2 } from './output/raw-to-qcow2.js'
import { countOf, keyOf, planFor, scanAll, type Scans, sourcesByKey } from './pack-plan.js'
import type { DiskPlan, DiskRequest, PlannedPartition } from './plan/plan-disk.js'
import { mebibyte } from './plan/units.js'
import type { PackSource } from './scan-tree.js'
import type { FormatContext, Formatters, Region } from './tools/formatters.js'
import { writeAt } from './write-at.js'

export type PackEvent =
  | { readonly type: 'disk:scan'; readonly detail: { readonly entries: number } }
  | {
      readonly type: 'disk:format'
      readonly detail: {
        readonly partition: string
        readonly fs: string
        readonly entries: number
        readonly done: boolean
      }
    }
  | {
      readonly type: 'disk:convert'
      readonly detail: { readonly bytes: number; readonly totalBytes: number }
    }
  | { readonly type: 'disk:done'; readonly detail: { readonly path: string; readonly diskBytes: number } }

export interface PackOptions extends OpOptions<PackEvent> {
  /** Sizes of content are filled in. */
  readonly disk: DiskRequest
  readonly sources: {
    readonly root: PackSource
    readonly esp?: PackSource
    readonly xbootldr?: PackSource
    /** Of the partitions of role `data`, by mount point; without one it becomes an empty file system. */
    readonly data?: Readonly<Record<string, PackSource>>
  }
  readonly formatters: Formatters
  readonly format: 'raw' | 'qcow2'
  /** Where the image goes; replaced when there is one. */
  readonly outPath: string
  /** `outPath` is a block device, which is written in place; `disk.diskBytes` says how large it is. */
  readonly device?: boolean
  /** Seconds: later times become this one. Default 1; the creation time of the image is a good one. */
  readonly epoch?: number
  /** Called when nothing of the sources is needed any more, which is before all is on the medium. */
  readonly onRead?: () => void
  /** Before that, for names of files of an ext4, absolute: the content is copied. */
  readonly onFileRead?: (path: string) => void
  /** For BIOS: what the boot sector runs (at most 440 bytes), and what it loads. */
  readonly bios?: { readonly bootSector: Uint8Array; readonly core: Uint8Array }
}

export interface PackResult {
  readonly plan: DiskPlan
  readonly path: string
  readonly entries: number
}

/**
 * Pack a disk image from directories: no root, no loop device, no mount. The same directories, plan and epoch give the
 * same bytes. Under a temporary name until it is whole; a device has no partition table until then.
 *
 * @throws BootcError `SYSROOT_DISK_TOO_SMALL`, `SYSROOT_DISK_UNSUPPORTED`, `SYSROOT_DISK_INVALID`, `SYSROOT_DISK_CONTENT`
 *   before the first write; `HOST_TOOL_MISSING`, `HOST_TOOL_FAILED`; `signal.reason`
 */
export async function packDisk(options: PackOptions): Promise<PackResult> {
  const { signal, onProgress, epoch = 1 } = options
  if (!Number.isSafeInteger(epoch) || epoch < 1) throw invalidDisk('epoch', `${epoch} is no time after 1970`)
  const scans = await scanAll(options)
  const plan = planFor(options, scans)
  checkBios(options.bios, plan)
  onProgress?.({ type: 'disk:scan', detail: { entries: countOf(scans) } })

  const outPath = resolve(options.outPath)
  const scratchPath = await mkdtemp(join(tmpdir(), 'bootc-sdk-disk-'))
  try {
    const job: Job = { options, scans, plan, outPath, context: { scratchPath, epoch, signal } }
    if (options.device === true) await writeDevice(job)
    else await writeImage(job)
  } finally {
    await rm(scratchPath, { recursive: true, force: true })
  }
  onProgress?.({ type: 'disk:done', detail: { path: outPath, diskBytes: plan.diskBytes } })
  return { plan, path: outPath, entries: countOf(scans) }
}

interface Job {
  readonly options: PackOptions
  readonly scans: Scans
  readonly plan: DiskPlan
  readonly outPath: string
  readonly context: FormatContext
}

/** Under a temporary name until it is whole. */
async function writeImage(job: Job): Promise<void> {
  const { options, plan, outPath } = job
  const { signal, onProgress, format } = options
  const temporary = join(dirname(outPath), `.${basename(outPath)}.${process.pid}.tmp`)
  const rawPath = `${temporary}.raw`
  try {
    await using file = await open(rawPath, 'wx')
    await file.truncate(plan.diskBytes)
    await writePartitions(job, file, rawPath)
    if (format === 'qcow2') {
      await rawToQcow2(rawPath, temporary, {
        signal,
        onBytes: (bytes) =>
          onProgress?.({ type: 'disk:convert', detail: { bytes, totalBytes: plan.diskBytes } }),
      })
    } else await rename(rawPath, temporary)
    await syncFile(temporary)
    signal?.throwIfAborted()
    await rename(temporary, outPath)
  } finally {
    await Promise.all([rawPath, temporary].map((path) => rm(path, { force: true })))
  }
}

/** Both tables go first and are written last: in between nobody takes it for a disk that is whole. */
async function writeDevice(job: Job): Promise<void> {
  const { plan, outPath } = job
  // Much time may have gone by since somebody looked. The programs look too, so it cannot be held.
  await assertUnused(outPath)
  await using file = await open(outPath, 'r+')
  const end = Buffer.alloc(mebibyte)
  await writeAt(file, end, 0)
  await writeAt(file, end, plan.diskBytes - end.length)
  await writePartitions(job, file, outPath)
  await file.sync()
}

async function writePartitions(job: Job, file: FileHandle, imagePath: string): Promise<void> {
  const { options, plan, context } = job
  // Formatters take options from behind "?" and "@@" of a name; ours has none, whatever the caller's has.
  const plainPath = join(context.scratchPath, 'disk')
  await symlink(imagePath, plainPath)
  for (const partition of plan.partitions) {
    options.signal?.throwIfAborted()
    await formatPartition(partition, job, plainPath)
  }
  options.onRead?.()
  await writeTable(file, plan, options.bios)
}

function checkBios(bios: PackOptions['bios'], plan: DiskPlan): void {
  if (bios === undefined) return
  const partition = plan.partitions.find(({ role }) => role === 'bios-boot')
  if (partition === undefined) throw invalidDisk('bios', 'the disk has no partition for the loader')
  if (bios.bootSector.length > 440) throw invalidDisk('bios.bootSector', 'is longer than 440 bytes')
  const { sizeBytes } = partition
  if (bios.core.length > sizeBytes) throw tooSmall('BIOS boot partition', bios.core.length, sizeBytes)
}

async function writeTable(file: FileHandle, plan: DiskPlan, bios: PackOptions['bios']): Promise<void> {
  const { diskUuid, diskBytes, partitions } = plan
  const bootCode = bios === undefined ? {} : { bootCode: bios.bootSector }
  const { head, tail } = writeGpt({ diskUuid, diskBytes, partitions, ...bootCode })
  const biosPart = partitions.find(({ role }) => role === 'bios-boot')
  if (bios !== undefined && biosPart !== undefined) {
    await writeAt(file, bios.core, biosPart.startBytes)
  }
  await writeAt(file, tail, diskBytes - tail.length)
  await writeAt(file, head, 0)
}

async function formatPartition(
  partition: PlannedPartition,
  { options, scans, context }: Job,
  imagePath: string,
): Promise<void> {
  const { fs, name, startBytes, sizeBytes } = partition
  if (fs === undefined) return
  const key = keyOf(partition)
  const nodes = scans.get(key) ?? []
  const contents = { nodes, contentPath: sourcesByKey(options).get(key)?.contentPath ?? '/nonexistent' }
  const region: Region = {
    imagePath,
    offsetBytes: startBytes,
    sizeBytes,
    ...(options.device === true ? { used: true } : {}),
    ...(options.format === 'raw' ? { kept: true } : {}),
  }
  const tell = (done: boolean) =>
    options.onProgress?.({
      type: 'disk:format',
      detail: { partition: name, fs: fs.type, entries: nodes.length, done },
    })
  tell(false)
  const { label, uuid, verity } = fs
  if (fs.type === 'vfat') {
    await options.formatters.vfat(region, { volumeId: uuid, label }, contents, context)
  } else if (fs.type !== 'ext4') {
    await options.formatters.mounted!(region, { type: fs.type, label, uuid }, contents, context)
  } else {
    const inodes = Math.max(inodesFor(nodes), Math.floor(sizeBytes / 16384))
    const { onFileRead } = options
    const told = onFileRead === undefined ? contents : { ...contents, onFileRead }
    await options.formatters.ext4(region, { uuid, label, verity, inodes }, told, context)
  }
  tell(true)
}

async function syncFile(path: string): Promise<void> {
  await using file = await open(path, 'r+')
  await file.sync()
}
