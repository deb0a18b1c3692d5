import { constants } from 'node:fs'
import { open, readFile, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { invalidDisk, unsupportedDisk } from '../errors.js'
import type { ImageOutput } from './types.js'

export interface FoundOutput {
  /** Absolute. */
  readonly path: string
  readonly format: 'raw' | 'qcow2'
  /** Of a block device. */
  readonly deviceBytes?: number
}

/**
 * Look at the place for the disk before anything is fetched for it.
 *
 * @throws BootcError `SYSROOT_DISK_INVALID`, `SYSROOT_DISK_UNSUPPORTED`
 */
export async function findOutput({ path, format = 'raw' }: ImageOutput): Promise<FoundOutput> {
  const absolute = resolve(path)
  const found = await stat(absolute).catch(() => undefined)
  if (found?.isBlockDevice() === true) {
    if (format !== 'raw') throw unsupportedDisk(`${format} on ${path}`, 'a block device is raw')
    await assertUnused(absolute)
    return { path: absolute, format, deviceBytes: await deviceBytes(path, found.rdev) }
  }
  if (found !== undefined && !found.isFile())
    throw invalidDisk('output', `${path} is neither a file nor a block device`)
  if (path.endsWith('/') || basename(absolute) === '')
    throw invalidDisk('output', `${path} is no name of a file`)
  const above = await stat(dirname(absolute)).catch(() => undefined)
  if (above?.isDirectory() !== true) throw invalidDisk('output', `there is no directory ${dirname(absolute)}`)
  return { path: absolute, format }
}

/**
 * Nobody has it mounted or claimed; for block devices that is what O_EXCL asks.
 *
 * @throws BootcError `SYSROOT_DISK_INVALID`
 */
export async function assertUnused(path: string): Promise<void> {
  try {
    await using _file = await open(path, constants.O_RDWR | constants.O_EXCL)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EBUSY') throw invalidDisk('output', `${path} is in use`)
    throw invalidDisk('output', `${path} cannot be written: ${code ?? String(error)}`)
  }
}

/** In whole MiB, as plans are. sysfs counts sectors of 512 bytes whatever the device has. */
async function deviceBytes(path: string, rdev: number): Promise<number> {
  // makedev(3) of glibc; numbers of devices of today fit.
  const major = (rdev >>> 8) & 0xfff
  const minor = (rdev & 0xff) | ((rdev >>> 12) & 0xfff00)
  const text = await readFile(join('/sys/dev/block', `${major}:${minor}`, 'size'), 'utf8').catch(() => '')
  const bytes = Number(text.trim()) * 512
  if (!Number.isSafeInteger(bytes) || bytes <= 0) throw invalidDisk('output', `size of ${path} is not known`)
  return bytes - (bytes % (1 << 20))
}
