import { encodeName } from '../names/index.js'
import type { Xattr } from '../interfaces/tree.js'
import { blockBytes } from './header.js'

/** A member to be written. */
export interface TarMember {
  readonly name: string
  /** Default `file`. */
  readonly type?: 'file' | 'directory' | 'symlink' | 'hardlink' | 'char' | 'block' | 'fifo'
  /** Default 0644, directories 0755, symbolic links 0777. */
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  /** Seconds since the epoch, fractions allowed. Default 0. */
  readonly mtime?: number
  readonly linkName?: string
  readonly devMajor?: number
  readonly devMinor?: number
  readonly xattrs?: readonly Xattr[]
  /** Further PAX records, values as text or bytes. */
  readonly pax?: Readonly<Record<string, string | Uint8Array>>
  readonly data?: Uint8Array | string
}

const typeFlags = { file: 0, hardlink: 1, symlink: 2, char: 3, block: 4, directory: 5, fifo: 6 } as const
const defaultModes: Readonly<Record<string, number>> = { directory: 0o755, symlink: 0o777 }
const maxOctal8 = 0o7777777
const maxOctal12 = 0o77777777777

/** Two blocks of zeros. */
export const tarEndMarker: Uint8Array = new Uint8Array(2 * blockBytes)

/** A whole archive: ustar headers, PAX records only where they are needed, always the same bytes. */
export function packTar(members: Iterable<TarMember>): Buffer {
  const parts: Uint8Array[] = []
  for (const member of members) {
    const data =
      typeof member.data === 'string' ? Buffer.from(member.data) : (member.data ?? new Uint8Array(0))
    parts.push(tarHeader(member, data.length), data, tarPadding(data.length))
  }
  parts.push(tarEndMarker)
  return Buffer.concat(parts)
}

/** Zeros that follow `sizeBytes` bytes of data. */
export function tarPadding(sizeBytes: number): Uint8Array {
  return new Uint8Array((blockBytes - (sizeBytes % blockBytes)) % blockBytes)
}

/** Header of a member, with its PAX header before it when one is needed. */
export function tarHeader(member: Omit<TarMember, 'data'>, sizeBytes: number): Buffer {
  const { type = 'file', uid = 0, gid = 0, mtime = 0, devMajor = 0, devMinor = 0 } = member
  const records = new Map<string, Uint8Array>()
  const name = encodeName(member.name)
  const linkName = encodeName(member.linkName ?? '')
  const split = splitName(name)
  if (split === undefined) records.set('path', name)
  if (linkName.length > 100) records.set('linkpath', linkName)
  if (uid > maxOctal8) records.set('uid', Buffer.from(String(uid)))
  if (gid > maxOctal8) records.set('gid', Buffer.from(String(gid)))
  if (sizeBytes > maxOctal12) records.set('size', Buffer.from(String(sizeBytes)))
  const wholeMtime = Math.min(Math.max(Math.floor(mtime), 0), maxOctal12)
  if (mtime !== wholeMtime) records.set('mtime', Buffer.from(String(mtime)))
  for (const xattr of member.xattrs ?? []) records.set(`SCHILY.xattr.${xattr.name}`, xattr.value)
  for (const [key, value] of Object.entries(member.pax ?? {})) {
    records.set(key, typeof value === 'string' ? Buffer.from(value) : value)
  }

  const block = headerBlock({
    name: split?.name ?? name.subarray(0, 100),
    prefix: split?.prefix ?? Buffer.alloc(0),
    typeFlag: 0x30 + typeFlags[type],
    mode: member.mode ?? defaultModes[type] ?? 0o644,
    uid: uid > maxOctal8 ? 0 : uid,
    gid: gid > maxOctal8 ? 0 : gid,
    sizeBytes: sizeBytes > maxOctal12 ? 0 : sizeBytes,
    mtime: wholeMtime,
    linkName: linkName.subarray(0, 100),
    devMajor,
    devMinor,
  })
  return records.size === 0 ? block : Buffer.concat([paxBlocks(records), block])
}

interface HeaderFields {
  name: Uint8Array
  prefix: Uint8Array
  typeFlag: number
  mode: number
  uid: number
  gid: number
  sizeBytes: number
  mtime: number
  linkName: Uint8Array
  devMajor: number
  devMinor: number
}

function headerBlock(fields: HeaderFields): Buffer {
  const block = Buffer.alloc(blockBytes)
  block.set(fields.name, 0)
  writeOctal(block, 100, 8, fields.mode & 0o7777)
  writeOctal(block, 108, 8, fields.uid)
  writeOctal(block, 116, 8, fields.gid)
  writeOctal(block, 124, 12, fields.sizeBytes)
  writeOctal(block, 136, 12, fields.mtime)
  block[156] = fields.typeFlag
  block.set(fields.linkName, 157)
  block.write('ustar\x0000', 257, 'latin1')
  writeOctal(block, 329, 8, fields.devMajor)
  writeOctal(block, 337, 8, fields.devMinor)
  block.set(fields.prefix, 345)
  block.fill(0x20, 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}

function paxBlocks(records: ReadonlyMap<string, Uint8Array>): Buffer {
  const body = Buffer.concat([...records].map(([key, value]) => paxRecord(key, value)))
  const header = headerBlock({
    name: Buffer.from('PaxHeaders/member'),
    prefix: Buffer.alloc(0),
    typeFlag: 0x78,
    mode: 0o644,
    uid: 0,
    gid: 0,
    sizeBytes: body.length,
    mtime: 0,
    linkName: Buffer.alloc(0),
    devMajor: 0,
    devMinor: 0,
  })
  return Buffer.concat([header, body, tarPadding(body.length)])
}

function paxRecord(key: string, value: Uint8Array): Buffer {
  const rest = Buffer.concat([Buffer.from(' '), encodeName(key), Buffer.from('='), value, Buffer.from('\n')])
  // The length counts its own digits.
  let length = rest.length + 1
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length
  return Buffer.concat([Buffer.from(String(length)), rest])
}

/** Cut a name at a slash so that it fits the ustar fields (155 and 100 bytes); undefined when it does not. */
function splitName(name: Buffer): { name: Buffer; prefix: Buffer } | undefined {
  if (name.length <= 100) return { name, prefix: Buffer.alloc(0) }
  // The last byte may be a directory's slash: the name field must not be empty.
  for (let slash = name.length - 101; slash < name.length - 1 && slash <= 155; slash++) {
    if (slash > 0 && name[slash] === 0x2f) {
      return { name: name.subarray(slash + 1), prefix: name.subarray(0, slash) }
    }
  }
  return undefined
}

function writeOctal(block: Buffer, at: number, length: number, value: number): void {
  block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1')
}
