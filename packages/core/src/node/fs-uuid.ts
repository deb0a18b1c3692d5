import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { mountOf, type Mount } from './mounts.js'

/**
 * UUID of the file system that a path lies in, as `root=UUID=` and GRUB's `search --fs-uuid` take it; for FAT the
 * serial number, `1A2B-3C4D`. From udev's links, else from the file system's own first block, which only root may
 * read; undefined where neither tells.
 *
 * @param path absolute, without links
 */
export function fsUuid(path: string, mounts?: readonly Mount[]): string | undefined {
  const source = mountOf(path, mounts)?.source
  if (source?.startsWith('/dev/') !== true) return undefined
  return uuidOfLinks(source) ?? uuidOfDevice(source)
}

const links = '/dev/disk/by-uuid'

function uuidOfLinks(device: string): string | undefined {
  try {
    const { rdev } = statSync(device)
    return readdirSync(links).find((name) => rdevOf(`${links}/${name}`) === rdev)
  } catch {
    return undefined
  }
}

function rdevOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.rdev
}

/** Where superblocks lie; btrfs is the last one. */
const headBytes = (64 << 10) + 4096

/** @param path device or file that begins with the file system */
export function uuidOfDevice(path: string): string | undefined {
  let fd: number | undefined
  try {
    fd = openSync(path, 'r')
    const head = Buffer.alloc(headBytes)
    return uuidOfSuperblock(head.subarray(0, readSync(fd, head, 0, headBytes, 0)))
  } catch {
    return undefined
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/**
 * @param head the first 68 KiB; file systems are larger
 * @see ext4: Documentation/filesystems/ext4/super.rst; XFS: xfs_format.h, xfs_dsb; btrfs: btrfs_tree.h,
 *   btrfs_super_block; FAT: Microsoft FAT specification, BS_VolID
 */
export function uuidOfSuperblock(head: Buffer): string | undefined {
  if (head.length < headBytes) return undefined
  const has = (magic: string, at: number) => head.toString('latin1', at, at + magic.length) === magic
  if (head.readUInt16LE(1024 + 0x38) === 0xef53) return uuid(head, 1024 + 0x68)
  if (has('XFSB', 0)) return uuid(head, 32)
  if (has('_BHRfS_M', 0x10040)) return uuid(head, 0x10020)
  if (has('FAT32', 0x52)) return serial(head, 0x43)
  return has('FAT1', 0x36) ? serial(head, 0x27) : undefined
}

function uuid(head: Buffer, at: number): string {
  const hex = head.toString('hex', at, at + 16)
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

function serial(head: Buffer, at: number): string {
  const hex = head.readUInt32LE(at).toString(16).padStart(8, '0').toUpperCase()
  return `${hex.slice(0, 4)}-${hex.slice(4)}`
}
