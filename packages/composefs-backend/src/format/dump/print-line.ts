import {
  S_IFBLK,
  S_IFCHR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  type ByteString,
  type Inode,
  type Int64,
} from '../../tree/inode.js'
import { escapeOptional, escapeXattr } from './escape.js'

/** What a line says beyond what the inode does. */
export interface LineFields {
  /** Escaped. */
  readonly path: string
  readonly size: Int64
  readonly nlink: number
  /** Escaped path of the first name, when this is another. */
  readonly linkTo?: string
  readonly payload: ByteString
  readonly digest: string
  readonly xattrs: Iterable<readonly [ByteString, ByteString]>
}

export function printLine(inode: Inode, fields: LineFields): string {
  const { path, size, nlink, linkTo, payload, digest } = fields
  const type = inode.mode & S_IFMT
  const rdev = type === S_IFCHR || type === S_IFBLK ? inode.rdev : 0
  const mode = `${linkTo === undefined ? '' : '@'}${inode.mode.toString(8)}`
  const time = `${inode.mtimeSec}.${inode.mtimeNsec}`
  const content = type === S_IFREG && inode.content !== undefined ? latin1(inode.content) : ''
  let line = `${path} ${size} ${mode} ${nlink} ${inode.uid} ${inode.gid} ${rdev} ${time} `
  line += `${linkTo ?? escapeOptional(payload)} ${escapeOptional(content)} ${digest === '' ? '-' : digest}`
  for (const [name, value] of fields.xattrs) line += ` ${escapeXattr(name)}=${escapeXattr(value)}`
  return line
}

/** SIZE of anything but a directory. */
export function sizeOf(inode: Inode): Int64 {
  const type = inode.mode & S_IFMT
  return type === S_IFREG ? inode.size : type === S_IFLNK ? inode.target.length : 0
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
