/**
 * Headers as the Rust crate `tar` makes them in GNU style, to the byte: layers are found again by their diffId, so
 * what looks like an accident there (bytes that an earlier, longer name left behind) has to be here too.
 *
 * A header is a Buffer of 512 bytes that is changed in place; `sealed` gives the copy that is written.
 *
 * @see crate tar 0.4.46, header.rs and builder.rs; bootc 1.16.9, ostree-ext tar/export.rs
 */

export const blockBytes = 512

const name = { at: 0, length: 100 }
const linkName = { at: 157, length: 100 }
const typeFlagAt = 156
const checksumAt = 148

export const typeFlags = { file: '0', hardlink: '1', symlink: '2', directory: '5' } as const

export interface HeaderFields {
  readonly type: keyof typeof typeFlags
  readonly uid: number
  readonly gid: number
  /** Permission bits; type bits are left out. */
  readonly mode: number
  readonly sizeBytes?: number
}

/** Without names. Times are 0. */
export function newHeader({ type, uid, gid, mode, sizeBytes = 0 }: HeaderFields): Buffer {
  const header = gnuHeader()
  putOctal(header, 100, 8, mode & 0o7777)
  putNumber(header, 108, 8, uid)
  putNumber(header, 116, 8, gid)
  setSize(header, sizeBytes)
  setType(header, type)
  return header
}

export function setSize(header: Buffer, sizeBytes: number): void {
  putNumber(header, 124, 12, sizeBytes)
}

export function setType(header: Buffer, type: keyof typeof typeFlags): void {
  header.write(typeFlags[type], typeFlagAt, 'latin1')
}

/**
 * Set the name.
 *
 * @param path relative; no `..`
 * @returns what has to come before the header: an entry with the whole name when it is too long
 */
export function setPath(header: Buffer, path: string): Buffer[] {
  const bytes = Buffer.from(path)
  const field = header.subarray(name.at, name.at + name.length)
  if (putComponents(field, bytes, false)) return []
  // The field keeps the beginning, cut between characters.
  let end = name.length
  while ((bytes[end]! & 0xc0) === 0x80) end--
  putComponents(field, bytes.subarray(0, end), false)
  return longEntry('L', bytes)
}

/** Set the target as a path: `a/./b` becomes `a/b`. @returns as `setPath` */
export function setLinkPath(header: Buffer, target: string): Buffer[] {
  const bytes = Buffer.from(target)
  const field = header.subarray(linkName.at, linkName.at + linkName.length)
  return putComponents(field, bytes, true) ? [] : longEntry('K', bytes)
}

/** Set the target as it is. @returns as `setPath` */
export function setLinkLiteral(header: Buffer, target: string): Buffer[] {
  const bytes = Buffer.from(target)
  const field = header.subarray(linkName.at, linkName.at + linkName.length)
  if (putBytes(field, 0, bytes)) return []
  field.set(bytes.subarray(0, linkName.length))
  return longEntry('K', bytes)
}

/** The header with its sum, to be written. */
export function sealed(header: Buffer): Buffer {
  header.fill(0x20, checksumAt, checksumAt + 8)
  let sum = 0
  for (let i = 0; i < blockBytes; i++) sum += header[i]!
  putOctal(header, checksumAt, 8, sum)
  return Buffer.from(header)
}

/** A PAX header with these records, before the entry that it describes. */
export function paxEntry(records: readonly (readonly [key: Buffer, value: Uint8Array])[]): Buffer[] {
  if (records.length === 0) return []
  const body = Buffer.concat(records.flatMap(([key, value]) => paxRecord(key, value)))
  const header = Buffer.alloc(blockBytes)
  header.write('ustar\0' + '00', 257, 'latin1')
  putOctal(header, 136, 12, 0)
  setSize(header, body.length)
  header.write('x', typeFlagAt, 'latin1')
  return [sealed(header), body, padding(body.length)]
}

const zeros = Buffer.alloc(2 * blockBytes)

/** What ends an archive. */
export const endOfTar: Buffer = zeros

export function padding(sizeBytes: number): Buffer {
  return zeros.subarray(0, (blockBytes - (sizeBytes % blockBytes)) % blockBytes)
}

function gnuHeader(): Buffer {
  const header = Buffer.alloc(blockBytes)
  header.write('ustar  \0', 257, 'latin1')
  putOctal(header, 136, 12, 0)
  return header
}

/** A name that does not fit, as GNU tar has it: with its NUL. */
function longEntry(flag: 'L' | 'K', bytes: Buffer): Buffer[] {
  const header = gnuHeader()
  header.write('././@LongLink', 0, 'latin1')
  putOctal(header, 100, 8, 0o644)
  putOctal(header, 108, 8, 0)
  putOctal(header, 116, 8, 0)
  setSize(header, bytes.length + 1)
  header.write(flag, typeFlagAt, 'latin1')
  return [sealed(header), bytes, zeros.subarray(0, 1), padding(bytes.length + 1)]
}

function paxRecord(key: Buffer, value: Uint8Array): Buffer[] {
  // A space, "=" and a line feed.
  const rest = 3 + key.length + value.length
  let digits = 1
  while (String(rest + digits).length > digits) digits++
  return [Buffer.from(`${rest + digits} `), key, Buffer.from('='), Buffer.from(value), Buffer.from('\n')]
}

/**
 * Write a path component by component, so that one that does not fit leaves those before it behind.
 *
 * @returns whether it fits
 */
function putComponents(field: Buffer, path: Buffer, isLink: boolean): boolean {
  const parts = path.toString('latin1').split('/')
  let at = 0
  let isSlashNeeded = false
  const put = (text: string): boolean => {
    const bytes = Buffer.from(text, 'latin1')
    if (!putBytes(field, at, bytes)) return false
    at += bytes.length
    return true
  }
  const isAbsolute = parts[0] === '' && parts.length > 1
  if (isAbsolute && !put('/')) return false
  const isAlone = parts.every((part, i) => part === '' || i === 0)
  for (const [i, part] of parts.entries()) {
    if (part === '') continue
    // Only a leading one counts as a component, and names keep it only when there is no other.
    if (part === '.' && (i > 0 || !(isLink || isAlone))) continue
    if (isSlashNeeded && !put('/')) return false
    if (!put(part)) return false
    isSlashNeeded = true
  }
  return path.at(-1) !== 0x2f || put('/')
}

/** Bytes and, where there is room, a NUL; what lies behind stays. */
function putBytes(field: Buffer, at: number, bytes: Buffer): boolean {
  if (bytes.length > field.length - at) return false
  field.set(bytes, at)
  if (at + bytes.length < field.length) field[at + bytes.length] = 0
  return true
}

function putOctal(header: Buffer, at: number, length: number, value: number): void {
  header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1')
}

/** Octal; binary with the top bit set where that has too few digits. */
function putNumber(header: Buffer, at: number, length: number, value: number): void {
  const isBinary = value >= 8 ** 11 || (length === 8 && value >= 8 ** 7)
  if (!isBinary) return putOctal(header, at, length, value)
  header.fill(0, at, at + length)
  header.writeBigUInt64BE(BigInt(value), at + length - 8)
  header[at]! |= 0x80
}
