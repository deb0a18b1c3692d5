import type { Xattr } from '@bootc-sdk/core'
import { badContent } from '../errors.js'
import { crc32c } from './crc32c.js'
import { blockBytes } from './directory-room.js'

/** Behind the fields of an inode of 256 bytes. */
export const inlineXattrBytes = 96
const magic = 0xea020000
const headerBytes = 32
const entryBytes = 16

/** A name is one of these numbers and the rest of it. Longer ones first. */
const prefixes: readonly (readonly [prefix: string, index: number])[] = [
  ['system.posix_acl_access', 2],
  ['system.posix_acl_default', 3],
  ['user.', 1],
  ['trusted.', 4],
  ['security.', 6],
  ['system.', 7],
]

interface Entry {
  readonly index: number
  readonly name: Buffer
  readonly value: Buffer
}

/** Where the attributes of an inode go: behind it, and what does not fit there in a block. */
export interface PlacedXattrs {
  readonly inline?: Buffer
  readonly block?: Buffer
}

/**
 * @returns `block` lacks its checksum
 * @throws BootcError `SYSROOT_DISK_CONTENT` when they do not fit, or have a name that ext4 has no number for
 * @see Linux Documentation/filesystems/ext4/attributes.rst
 */
export function placeXattrs(path: string, xattrs: readonly Xattr[]): PlacedXattrs {
  if (xattrs.length === 0) return {}
  const [inner, outer]: [Entry[], Entry[]] = [[], []]
  // Four bytes say that there are any, four more that there are no more.
  let room = inlineXattrBytes - 8
  for (const entry of xattrs.map((xattr) => entryOf(path, xattr)).sort(compareEntries)) {
    const need = sizeOf(entry)
    if (need <= room) {
      inner.push(entry)
      room -= need
    } else outer.push(entry)
  }
  const outerBytes = outer.reduce((sum, entry) => sum + sizeOf(entry), headerBytes + 4)
  if (outerBytes > blockBytes) throw badContent(path, 'has more attributes than a block holds')
  return {
    ...(inner.length === 0 ? {} : { inline: encodeInline(inner) }),
    ...(outer.length === 0 ? {} : { block: encodeBlock(outer) }),
  }
}

/** The checksum of a block depends on where it is. */
export function sealXattrBlock(block: Buffer, number: number, seed: number): void {
  const place = Buffer.alloc(8)
  place.writeBigUInt64LE(BigInt(number))
  block.writeUInt32LE(0, 16)
  block.writeUInt32LE(crc32c(crc32c(seed, place), block), 16)
}

function entryOf(path: string, { name, value }: Xattr): Entry {
  const found = prefixes.find(([prefix]) => name.startsWith(prefix))
  if (found === undefined) throw badContent(path, `has the attribute ${name}, which ext4 cannot hold`)
  const [prefix, index] = found
  const rest = Buffer.from(name.slice(prefix.length))
  if (rest.length > 255) throw badContent(path, 'has an attribute with a name that is too long')
  return { index, name: rest, value: index === 2 || index === 3 ? diskAcl(path, value) : Buffer.from(value) }
}

/** As the kernel looks them up: by number, length of the name, name. */
function compareEntries(a: Entry, b: Entry): number {
  return a.index - b.index || a.name.length - b.name.length || a.name.compare(b.name)
}

function sizeOf({ name, value }: Entry): number {
  return entryBytes + padded(name.length) + padded(value.length)
}

function padded(bytes: number): number {
  return (bytes + 3) & ~3
}

function encodeInline(entries: readonly Entry[]): Buffer {
  const out = Buffer.alloc(inlineXattrBytes)
  out.writeUInt32LE(magic, 0)
  // Offsets of values count from the first entry.
  encodeEntries(out.subarray(4), 0, entries)
  return out
}

function encodeBlock(entries: readonly Entry[]): Buffer {
  const out = Buffer.alloc(blockBytes)
  out.writeUInt32LE(magic, 0)
  out.writeUInt32LE(1, 4)
  out.writeUInt32LE(1, 8)
  const hashes = encodeEntries(out, headerBytes, entries)
  const hash = hashes.reduce((sum, each) => ((sum << 16) ^ (sum >>> 16) ^ each) >>> 0, 0)
  out.writeUInt32LE(hash, 12)
  return out
}

/** Entries from `start` on, values from the end back. @returns their hashes */
function encodeEntries(out: Buffer, start: number, entries: readonly Entry[]): number[] {
  let [at, valueAt] = [start, out.length]
  return entries.map(({ index, name, value }) => {
    valueAt -= padded(value.length)
    value.copy(out, valueAt)
    const hash = hashOf(name, out.subarray(valueAt, valueAt + padded(value.length)))
    out.writeUInt8(name.length, at)
    out.writeUInt8(index, at + 1)
    out.writeUInt16LE(value.length === 0 ? 0 : valueAt, at + 2)
    out.writeUInt32LE(value.length, at + 8)
    out.writeUInt32LE(hash, at + 12)
    name.copy(out, at + entryBytes)
    at += entryBytes + padded(name.length)
    return hash
  })
}

function hashOf(name: Buffer, paddedValue: Buffer): number {
  let hash = 0
  for (const byte of name) hash = ((hash << 5) ^ (hash >>> 27) ^ byte) >>> 0
  for (let i = 0; i < paddedValue.length; i += 4) {
    hash = ((hash << 16) ^ (hash >>> 16) ^ paddedValue.readUInt32LE(i)) >>> 0
  }
  return hash
}

/** Tags of ACL entries that name a user or a group. */
const named = new Set([0x02, 0x08])

/**
 * System calls give and take ACLs with a number in every entry (version 2), ext4 has it only in those that need it
 * (version 1).
 *
 * @see Linux include/uapi/linux/posix_acl_xattr.h, fs/ext4/acl.h
 */
function diskAcl(path: string, value: Uint8Array): Buffer {
  const acl = Buffer.from(value)
  if (acl.length < 4 || acl.length % 8 !== 4 || acl.readUInt32LE(0) !== 2) {
    throw badContent(path, 'has an access control list that is none')
  }
  const parts = [Buffer.from([1, 0, 0, 0])]
  for (let at = 4; at < acl.length; at += 8) {
    parts.push(acl.subarray(at, at + (named.has(acl.readUInt16LE(at)) ? 8 : 4)))
  }
  return Buffer.concat(parts)
}
