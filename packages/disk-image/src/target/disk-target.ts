import { constants } from 'node:fs'
import { open, readdir, readFile, realpath, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { BootcError } from '@bootc-sdk/core'
import { parseMounts } from '@bootc-sdk/core/node'
import { invalidDisk, unsupportedDisk } from '../errors.js'
import { contentsHeadBytes, findContents } from './find-contents.js'

declare module '@bootc-sdk/core' {
  interface ErrorDetails {
    /** The disk is mounted, or something else holds it: `by` says what. */
    SYSROOT_DISK_IN_USE: { path: string; by: string }
    /** What would be lost, without having been told to. */
    SYSROOT_DISK_NOT_EMPTY: { path: string; partitions: number; fileSystem?: string }
  }
}

export interface DiskTargetOptions {
  /** What is on the disk may be lost. */
  readonly wipe?: boolean
  /** `path` is a regular file in place of a disk. */
  readonly file?: boolean
}

/** Plain data. */
export interface DiskTarget {
  /** Without links. */
  readonly path: string
  /** In whole MiB, as plans are. */
  readonly sizeBytes: number
  readonly model?: string
  readonly serial?: string
}

const mebibyte = 1 << 20

/**
 * Look at a disk that is to be overwritten, and refuse what must not be: no disk, in use by anything, holding
 * partitions or a file system. Reads only.
 *
 * @throws BootcError `SYSROOT_DISK_INVALID`, `SYSROOT_DISK_IN_USE`, `SYSROOT_DISK_NOT_EMPTY`, `SYSROOT_DISK_UNSUPPORTED`
 */
export async function checkDiskTarget(name: string, options: DiskTargetOptions = {}): Promise<DiskTarget> {
  const path = await realpath(name).catch((cause: unknown) => {
    throw new BootcError('SYSROOT_DISK_INVALID', `there is no ${name}`, {
      details: { what: name, reason: 'is not there' },
      cause,
    })
  })
  const found = await stat(path)
  if (options.file === true) {
    if (!found.isFile()) throw notDisk(name, `Not a regular file (to be used via loopback): ${name}`)
    await assertEmpty(path, options)
    return { path, sizeBytes: wholeMebibytes(found.size) }
  }
  if (!found.isBlockDevice()) throw notDisk(name, `Not a block device: ${name}`)
  const sysfs = await realpath(`/sys/dev/block/${deviceNumber(found.rdev)}`).catch(() => undefined)
  if (sysfs === undefined) throw invalidDisk(name, 'is not known to the kernel')
  if ((await text(join(sysfs, 'partition'))) !== undefined)
    throw invalidDisk(name, 'is a partition of a disk')
  await assertUnused(path, sysfs)
  await assertWritable(path, sysfs)
  await assertEmpty(path, options)
  const [model, serial] = [await text(join(sysfs, 'device/model')), await serialOf(sysfs)]
  return {
    path,
    sizeBytes: wholeMebibytes(Number((await text(join(sysfs, 'size'))) ?? 0) * 512),
    ...(model === undefined ? {} : { model }),
    ...(serial === undefined ? {} : { serial }),
  }
}

/** Mounted, swap, part of a device mapper, RAID or loop set-up: of the disk or of one of its partitions. */
async function assertUnused(path: string, sysfs: string): Promise<void> {
  const parts = [sysfs, ...(await partitionsOf(sysfs))]
  const numbers = new Set(await Promise.all(parts.map((part) => text(join(part, 'dev')))))
  const mounts = parseMounts((await text('/proc/1/mountinfo')) ?? (await text('/proc/self/mountinfo')) ?? '')
  const swaps = (await text('/proc/swaps')) ?? ''
  for (const part of parts) {
    const device = `/dev/${basename(part)}`
    const mount = mounts.find((each) => numbers.has(each.device) || each.source === device)
    if (mount !== undefined) throw inUse(path, `Device ${path} is mounted`, `mounted at ${mount.point}`)
    if (swaps.split('\n').some((line) => line.startsWith(`${device} `))) {
      throw inUse(path, `Device ${path} is in use as swap`, 'swap')
    }
    const holders = await readdir(join(part, 'holders')).catch(() => [])
    if (holders.length > 0)
      throw inUse(path, `Device ${path} is in use by ${holders.join(', ')}`, holders.join(' '))
  }
}

/** The kernel knows of users that nothing lists; it gives a disk to one alone. */
async function assertWritable(path: string, sysfs: string): Promise<void> {
  if ((await text(join(sysfs, 'ro'))) === '1') throw invalidDisk(path, 'is read-only')
  const block = Number((await text(join(sysfs, 'queue/logical_block_size'))) ?? 512)
  if (block !== 512) throw unsupportedDisk(path, `its logical blocks have ${block} bytes, 512 are supported`)
  // O_EXCL without O_CREAT: fails with EBUSY for a block device that is mounted or claimed.
  const handle = await open(path, constants.O_RDWR | constants.O_EXCL).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EBUSY') throw inUse(path, `Device ${path} is in use`, 'another program')
      throw new BootcError('SYSROOT_DISK_INVALID', `${path} cannot be written: ${error.message}`, {
        details: { what: path, reason: error.code ?? error.message },
        cause: error,
      })
    },
  )
  await handle.close()
}

/** This kernel may not have looked for partitions, so the disk itself is asked. */
async function assertEmpty(path: string, { wipe = false }: DiskTargetOptions): Promise<void> {
  if (wipe) return
  const handle = await open(path, 'r')
  try {
    const head = Buffer.alloc(contentsHeadBytes)
    await handle.read(head, 0, contentsHeadBytes, 0)
    const { partitions, fileSystem } = findContents(head)
    if (partitions === 0 && fileSystem === undefined) return
    const what = partitions > 0 ? 'partitions' : `${fileSystem} file system`
    throw new BootcError(
      'SYSROOT_DISK_NOT_EMPTY',
      `Detected existing ${what} on ${path}; use e.g. \`wipefs\` or --wipe if you intend to overwrite`,
      { details: { path, partitions, ...(fileSystem === undefined ? {} : { fileSystem }) } },
    )
  } finally {
    await handle.close()
  }
}

async function partitionsOf(sysfs: string): Promise<string[]> {
  const names = await readdir(sysfs).catch(() => [])
  const found: string[] = []
  for (const name of names) {
    if ((await text(join(sysfs, name, 'partition'))) !== undefined) found.push(join(sysfs, name))
  }
  return found
}

async function serialOf(sysfs: string): Promise<string | undefined> {
  return (await text(join(sysfs, 'serial'))) ?? (await text(join(sysfs, 'device/serial')))
}

async function text(path: string): Promise<string | undefined> {
  const found = await readFile(path, 'utf8').catch(() => undefined)
  const trimmed = found?.trim()
  return trimmed === '' ? undefined : trimmed
}

/** makedev(3) of glibc. */
function deviceNumber(rdev: number): string {
  return `${(rdev >>> 8) & 0xfff}:${(rdev & 0xff) | ((rdev >>> 12) & 0xfff00)}`
}

function wholeMebibytes(bytes: number): number {
  return bytes - (bytes % mebibyte)
}

function notDisk(what: string, message: string): BootcError {
  return new BootcError('SYSROOT_DISK_INVALID', message, { details: { what, reason: message } })
}

function inUse(path: string, message: string, by: string): BootcError {
  return new BootcError('SYSROOT_DISK_IN_USE', message, { details: { path, by } })
}
