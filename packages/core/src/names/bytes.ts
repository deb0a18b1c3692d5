import { BootcError } from '../errors.js'

/** Surrogates that stand for single bytes 0x80–0xFF which are not part of valid UTF-8. */
const escapeBase = 0xdc00

/** With the `u` flag, pairs are one character and do not match. */
const loneSurrogate = /[\ud800-\udfff]/u

/**
 * A name's string for its bytes. Valid UTF-8 decodes as usual; every other byte B becomes U+DC00 + B
 * (U+DC80–U+DCFF, Python's "surrogateescape"), so `encodeName` gives the same bytes back.
 */
export function decodeName(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let i = 0; i < buffer.length; i++) {
    if (buffer[i]! >= 0x80) return decodeWide(buffer)
  }
  return buffer.toString('latin1')
}

/**
 * The bytes of a name. Inverse of `decodeName`; strings that `decodeName` never makes (escaped bytes that
 * together spell valid UTF-8) are accepted, but decode to another string.
 *
 * @throws BootcError `TREE_INVALID_PATH` for surrogates that `decodeName` never makes
 */
export function encodeName(name: string): Buffer {
  if (!loneSurrogate.test(name)) return Buffer.from(name, 'utf8')
  const out = Buffer.allocUnsafe(name.length * 3)
  let length = 0
  for (let i = 0; i < name.length;) {
    const codePoint = name.codePointAt(i)!
    if (codePoint >= 0xd800 && codePoint <= 0xdfff) {
      if (codePoint < 0xdc80 || codePoint > 0xdcff) {
        throw new BootcError('TREE_INVALID_PATH', `name ${JSON.stringify(name)} has a lone surrogate`, {
          details: { path: name },
        })
      }
      out[length++] = codePoint - escapeBase
      i++
    } else {
      const units = codePoint > 0xffff ? 2 : 1
      length += out.write(name.slice(i, i + units), length, 'utf8')
      i += units
    }
  }
  return Buffer.from(out.subarray(0, length))
}

/** True when the bytes of the name are valid UTF-8. */
export function isUtf8Name(name: string): boolean {
  return !loneSurrogate.test(name)
}

function decodeWide(buffer: Buffer): string {
  const text = buffer.toString('utf8')
  // Only a real U+FFFD or an invalid sequence yields this character; both are rare, so look closer.
  if (!text.includes('\ufffd')) return text
  let out = ''
  let start = 0
  for (let i = 0; i < buffer.length;) {
    const length = sequenceLength(buffer, i)
    if (length > 0) {
      i += length
      continue
    }
    out += buffer.toString('utf8', start, i) + String.fromCharCode(escapeBase + buffer[i]!)
    start = ++i
  }
  return out + buffer.toString('utf8', start)
}

/** Length of the valid UTF-8 sequence at `at`, 0 when there is none. @see RFC 3629 section 4 */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!
  if (first < 0x80) return 1
  const second = bytes[at + 1] ?? 0
  if (first >= 0xc2 && first <= 0xdf) return isTail(second) ? 2 : 0
  if (first >= 0xe0 && first <= 0xef) {
    const low = first === 0xe0 ? 0xa0 : 0x80
    const high = first === 0xed ? 0x9f : 0xbf
    return second >= low && second <= high && isTail(bytes[at + 2] ?? 0) ? 3 : 0
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const low = first === 0xf0 ? 0x90 : 0x80
    const high = first === 0xf4 ? 0x8f : 0xbf
    const tails = isTail(bytes[at + 2] ?? 0) && isTail(bytes[at + 3] ?? 0)
    return second >= low && second <= high && tails ? 4 : 0
  }
  return 0
}

function isTail(byte: number): boolean {
  return byte >= 0x80 && byte <= 0xbf
}
