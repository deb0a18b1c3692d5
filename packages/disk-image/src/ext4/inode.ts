import type { EntryType } from '@bootc-sdk/core'
import { crc32c, crc32cOfNumber } from './crc32c.js'
import { inodeBytes } from './layout.js'

const typeBits: Readonly<Record<EntryType, number>> = {
  fifo: 0o010000,
  char: 0o020000,
  directory: 0o040000,
  block: 0o060000,
  file: 0o100000,
  symlink: 0o120000,
  socket: 0o140000,
}

export const inodeFlags = { immutable: 0x10, extents: 0x80000 }

/** Targets of links that take no block. */
export const fastLinkBytes = 59

/** Fields behind the first 128 bytes. */
const extraBytes = 32

export interface Inode {
  readonly type: EntryType
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly sizeBytes: number
  readonly links: number
  /** Seconds. */
  readonly mtime: number
  /** Of everything else. */
  readonly epoch: number
  readonly flags: number
  /** All that belong to it, of content and of other kinds. */
  readonly blocks: number
  /** 60 bytes: extents, the target of a link, or the numbers of a device. */
  readonly data: Buffer
  readonly xattrs?: Buffer | undefined
  readonly xattrBlock?: number | undefined
}

/** What checksums of an inode and of its blocks begin with. The generation is 0. */
export function inodeSeed(seed: number, number: number): number {
  return crc32cOfNumber(crc32cOfNumber(seed, number), 0)
}

/**
 * @param out 256 bytes of zero
 * @param seed from `inodeSeed`
 * @see Linux Documentation/filesystems/ext4/inodes.rst
 */
export function writeInode(out: Buffer, inode: Inode, seed: number): void {
  const { type, mode, uid, gid, sizeBytes, links, flags, xattrBlock = 0 } = inode
  out.writeUInt16LE(typeBits[type] | mode, 0)
  out.writeUInt16LE(uid & 0xffff, 2)
  out.writeUInt32LE(sizeBytes % 2 ** 32, 4)
  out.writeUInt16LE(gid & 0xffff, 24)
  out.writeUInt16LE(links, 26)
  const sectors = inode.blocks * 8
  out.writeUInt32LE(sectors % 2 ** 32, 28)
  out.writeUInt32LE(flags, 32)
  inode.data.copy(out, 40)
  out.writeUInt32LE(xattrBlock % 2 ** 32, 104)
  out.writeUInt32LE(Math.floor(sizeBytes / 2 ** 32), 108)
  out.writeUInt16LE(Math.floor(sectors / 2 ** 32), 116)
  out.writeUInt16LE(Math.floor(xattrBlock / 2 ** 32), 118)
  out.writeUInt16LE(uid >>> 16, 120)
  out.writeUInt16LE(gid >>> 16, 122)
  out.writeUInt16LE(extraBytes, 128)
  for (const [at, extraAt] of [
    [8, 140],
    [12, 132],
    [144, 148],
  ] as const) {
    writeTime(out, at, extraAt, inode.epoch)
  }
  writeTime(out, 16, 136, inode.mtime)
  inode.xattrs?.copy(out, 128 + extraBytes)
  const checksum = crc32c(seed, out.subarray(0, inodeBytes))
  out.writeUInt16LE(checksum & 0xffff, 124)
  out.writeUInt16LE(checksum >>> 16, 130)
}

/** 34 bits of seconds, of which the upper two are the lower ones of another field. */
function writeTime(out: Buffer, at: number, extraAt: number, seconds: number): void {
  const low = seconds | 0
  out.writeInt32LE(low, at)
  out.writeUInt32LE(((seconds - low) / 2 ** 32) & 3, extraAt)
}

/** @see Linux include/linux/kdev_t.h: old_encode_dev, new_encode_dev */
export function deviceData(major: number, minor: number): Buffer {
  const out = Buffer.alloc(60)
  if (major < 256 && minor < 256) out.writeUInt32LE((major << 8) | minor, 0)
  else out.writeUInt32LE(((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0, 4)
  return out
}
