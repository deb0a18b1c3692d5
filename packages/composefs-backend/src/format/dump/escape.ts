import type { ByteString } from '../../tree/inode.js'

/**
 * Escapes of composefs-dump(5): `\\`, `\n`, `\r`, `\t`, and `\xHH` for every byte outside 0x21 to 0x7e.
 */

/** What is to be escaped. */
const SPECIAL = /[\0-\x20\\\x7f-\uffff]/
/** As above, and `=`. */
const SPECIAL_XATTR = /[\0-\x20\\=\x7f-\uffff]/

const TABLE: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  if (byte === 0x5c) return '\\\\'
  if (byte === 0x0a) return '\\n'
  if (byte === 0x0d) return '\\r'
  if (byte === 0x09) return '\\t'
  if (byte > 0x20 && byte < 0x7f) return String.fromCharCode(byte)
  return `\\x${byte.toString(16).padStart(2, '0')}`
})

/** PATH: never absent, so `-` needs no escape (and a path begins with a slash). */
export function escapePath(bytes: ByteString): string {
  return SPECIAL.test(bytes) ? escapeAll(bytes, false) : bytes
}

/** PAYLOAD and CONTENT: absent or empty is `-`, and a value that is one dash is escaped. */
export function escapeOptional(bytes: ByteString): string {
  if (bytes === '') return '-'
  if (bytes === '-') return '\\x2d'
  return escapePath(bytes)
}

/** Name or value of an attribute, where `=` separates the two; empty and `-` are what they are. */
export function escapeXattr(bytes: ByteString): string {
  return SPECIAL_XATTR.test(bytes) ? escapeAll(bytes, true) : bytes
}

function escapeAll(bytes: ByteString, equals: boolean): string {
  let text = ''
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes.charCodeAt(i)
    text += equals && byte === 0x3d ? '\\x3d' : TABLE[byte]
  }
  return text
}

/** Bytes of an escaped field; a string tells what is wrong with it. */
export function unescapeField(text: string): { bytes: ByteString } | string {
  let at = text.indexOf('\\')
  if (at < 0) return { bytes: text }
  let bytes = ''
  let from = 0
  while (at >= 0) {
    bytes += text.slice(from, at)
    const letter = text[at + 1]
    from = at + 2
    if (letter === '\\') bytes += '\\'
    else if (letter === 'n') bytes += '\n'
    else if (letter === 'r') bytes += '\r'
    else if (letter === 't') bytes += '\t'
    else if (letter === 'x') {
      const digits = text.slice(at + 2, at + 4)
      if (!/^[0-9a-fA-F]{2}$/.test(digits)) return 'no two hexadecimal digits after \\x'
      bytes += String.fromCharCode(Number.parseInt(digits, 16))
      from = at + 4
    } else return letter === undefined ? 'a backslash at the end of a field' : 'an unknown escape'
    at = text.indexOf('\\', from)
  }
  return { bytes: bytes + text.slice(from) }
}
