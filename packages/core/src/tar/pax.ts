import { decodeName } from '../names/index.js'
import { tarCorrupt, tarLimit, tarUnsupported } from './errors.js'

/** Keys where the first record of a header counts; elsewhere the last one does, as POSIX says. */
const firstWins: ReadonlySet<string> = new Set(['path', 'linkpath', 'size', 'uid', 'gid'])

/**
 * Parse records `LENGTH KEY=VALUE\n`; the length counts the whole record in decimal. Values are bytes.
 *
 * @param offset of the data in the archive, for messages
 * @throws BootcError `IMAGE_TAR_CORRUPT`, `IMAGE_TAR_LIMIT`, `IMAGE_TAR_UNSUPPORTED` (sparse files)
 * @see POSIX.1-2017 pax, "pax Extended Header"
 */
export function parsePaxRecords(
  data: Uint8Array,
  offset: number,
  maxXattrBytes: number,
): Map<string, Uint8Array> {
  const records = new Map<string, Uint8Array>()
  let at = 0
  while (at < data.length) {
    const end = at + recordLength(data, at, offset)
    const keyStart = data.indexOf(0x20, at) + 1
    const equals = data.indexOf(0x3d, keyStart)
    if (end > data.length || equals < keyStart || equals >= end || data[end - 1] !== 0x0a) {
      throw tarCorrupt('damaged PAX record', offset + at)
    }
    const key = decodeName(data.subarray(keyStart, equals))
    const value = data.subarray(equals + 1, end - 1)
    checkRecord(key, value, offset + at, maxXattrBytes)
    if (!firstWins.has(key) || !records.has(key)) records.set(key, value)
    at = end
  }
  return records
}

/** Decimal value of `size`, `uid`, `gid` or a time. */
export function paxNumber(value: Uint8Array, key: string, offset: number): number {
  const text = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1')
  const isTime = key === 'mtime'
  if (!(isTime ? /^-?[0-9]+(?:\.[0-9]*)?$/ : /^[0-9]+$/).test(text)) {
    throw tarCorrupt(`PAX ${key} is not a number`, offset)
  }
  const number = Number(text)
  const max = key === 'uid' || key === 'gid' ? 0xffff_fffe : Number.MAX_SAFE_INTEGER
  if (Math.abs(number) > max) throw tarCorrupt(`PAX ${key} is out of range`, offset)
  return number
}

function recordLength(data: Uint8Array, at: number, offset: number): number {
  let length = 0
  let i = at
  for (; i < at + 8 && i < data.length; i++) {
    const digit = data[i]! - 0x30
    if (digit < 0 || digit > 9) break
    length = length * 10 + digit
  }
  // The shortest record is "5 a=\n".
  if (i === at || data[i] !== 0x20 || length < 5) throw tarCorrupt('damaged PAX record length', offset + at)
  return length
}

function checkRecord(key: string, value: Uint8Array, offset: number, maxXattrBytes: number): void {
  if (key === '') throw tarCorrupt('PAX record without a key', offset)
  if (key.startsWith('GNU.sparse.')) throw tarUnsupported('sparse file', offset)
  const isXattr = key.startsWith('SCHILY.xattr.') || key.startsWith('LIBARCHIVE.xattr.')
  // Base64 needs four bytes for three.
  const allowed = key.startsWith('LIBARCHIVE.') ? Math.ceil(maxXattrBytes / 3) * 4 : maxXattrBytes
  if (isXattr && value.length > allowed) throw tarLimit('extended attribute value', maxXattrBytes, offset)
  if ((key === 'path' || key === 'linkpath') && value.includes(0)) {
    throw tarCorrupt(`PAX ${key} holds a NUL byte`, offset)
  }
}
