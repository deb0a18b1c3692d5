import type { TarEntry } from '@bootc-sdk/core/tar'
import { toBytes } from './names.js'
import { Inode, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG } from './inode.js'
import type { ByteString, Xattrs } from './inode.js'
import { maxTargetBytes } from './limits.js'

const schily = 'SCHILY.xattr.'

/** Type flags of a header that become files of their own; `undefined` for all others. */
const fileTypes: Readonly<Record<number, number>> = {
  0x00: S_IFREG,
  0x30: S_IFREG,
  0x37: S_IFREG,
  0x32: S_IFLNK,
  0x33: S_IFCHR,
  0x34: S_IFBLK,
  0x35: S_IFDIR,
  0x36: S_IFIFO,
}

/**
 * The inode of an archive member, its content left out.
 *
 * What a member is, its type flag alone says: a regular file whose name ends with a slash is one. Attributes
 * are the `SCHILY.xattr.` records, the mtime has the digits of the PAX record.
 *
 * @returns a reason why there is none
 * @see composefs-rs 0.7.0 crates/composefs-oci/src/tar.rs
 */
export function inodeOfMember(entry: TarEntry): Inode | string {
  const type = fileTypes[entry.typeFlag]
  if (type === undefined)
    return `is of a type (${JSON.stringify(String.fromCharCode(entry.typeFlag))}) that no file has`
  const inode = new Inode(type | (entry.mode & 0o7777))
  inode.uid = entry.uid
  inode.gid = entry.gid
  inode.mtimeSec = entry.headerMtime
  if (entry.pax.size > 0) {
    setMtime(inode, entry.pax.get('mtime'))
    inode.xattrs = xattrsOf(entry.pax)
  }
  switch (type) {
    case S_IFREG:
      inode.size = entry.sizeBytes
      break
    case S_IFLNK:
      inode.target = asBytes(entry.linkName)
      if (inode.target === '') return 'is a symbolic link to nothing'
      if (inode.target.length > maxTargetBytes) return 'is a symbolic link with a target that is too long'
      break
    case S_IFDIR:
      inode.children = new Map()
      break
    case S_IFCHR:
    case S_IFBLK: {
      const { devMajor: major, devMinor: minor } = entry
      if (major < 0 || major > 0xfff || minor < 0 || minor > 0xfffff) {
        return `is a device with numbers out of range (${major}, ${minor})`
      }
      inode.rdev = deviceNumber(major, minor)
    }
  }
  return inode
}

/** dev_t in the kernel's 32 bits: twelve for the major number, twenty for the minor one. */
export function deviceNumber(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0
}

/** Names of archives as bytes; nearly all are ASCII already. */
export function asBytes(name: string): ByteString {
  return /^[\x00-\x7f]*$/.test(name) ? name : toBytes(name)
}

/** Decimal seconds with a fraction of any length, of which nine digits count. Checked by the parser. */
function setMtime(inode: Inode, record: Uint8Array | undefined): void {
  if (record === undefined) return
  const text = latin1(record)
  const [whole, fraction = ''] = text.split('.') as [string, string?]
  const seconds = Number(whole)
  const nsec = Number(fraction.slice(0, 9).padEnd(9, '0'))
  const isBefore = text.startsWith('-') && nsec > 0
  // -1.5 is half a second after -2.
  inode.mtimeSec = isBefore ? seconds - 1 : seconds + 0
  inode.mtimeNsec = isBefore ? 1_000_000_000 - nsec : nsec
}

function xattrsOf(pax: ReadonlyMap<string, Uint8Array>): Xattrs | undefined {
  let xattrs: Map<ByteString, ByteString> | undefined
  for (const [key, value] of pax) {
    if (!key.startsWith(schily) || key.length === schily.length) continue
    xattrs ??= new Map()
    xattrs.set(asBytes(key.slice(schily.length)), latin1(value))
  }
  return xattrs
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
