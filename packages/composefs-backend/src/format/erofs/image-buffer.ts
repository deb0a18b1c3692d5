import type { ByteString, Int64 } from '../../tree/inode.js'
import { TRUSTED_INDEX } from './xattr-area.js'
import { XATTR_ENTRY_SIZE } from './constants.js'
import type { XattrPair } from './xattr-table.js'

/** Strings up to this length are quicker copied here than by a call. */
const SHORT = 48

/** Digits of hexadecimal text by character code. */
const NIBBLES = new Uint8Array(256)
for (let digit = 0; digit < 16; digit++) NIBBLES[digit.toString(16).charCodeAt(0)] = digit

/**
 * A window of the image: offsets are those of the image, and bytes that are not written are zero. Callers see
 * to it that what they write fits.
 */
export class ImageBuffer {
  private buffer: Buffer
  private view: DataView
  private start = 0

  /** @param totalBytes of the image, behind which no window reaches */
  constructor(
    private readonly chunkBytes: number,
    private readonly totalBytes: number,
  ) {
    this.buffer = Buffer.alloc(Math.min(chunkBytes, totalBytes))
    this.view = viewOf(this.buffer)
  }

  /** Is there room for so many bytes at an offset? */
  fits(at: number, bytes: number): boolean {
    return at + bytes <= this.start + this.buffer.length
  }

  /** Hands out what lies before an offset, in which the next window begins. */
  *flush(at: number): Generator<Uint8Array> {
    let end = at - this.start
    while (end > this.buffer.length) {
      end -= this.buffer.length
      yield this.take(this.buffer.length)
    }
    if (end > 0) yield this.take(end)
  }

  /** Makes an empty window large enough. */
  reserve(bytes: number): void {
    if (bytes <= this.buffer.length) return
    this.buffer = Buffer.alloc(bytes)
    this.view = viewOf(this.buffer)
  }

  u8(value: number, at: number): void {
    this.buffer[at - this.start] = value
  }

  u16(value: number, at: number): void {
    this.view.setUint16(at - this.start, value, true)
  }

  u32(value: number, at: number): void {
    this.view.setUint32(at - this.start, value, true)
  }

  /** 64 bits, in two's complement when negative. */
  u64(value: Int64, at: number): void {
    if (typeof value === 'bigint') {
      this.view.setBigUint64(at - this.start, BigInt.asUintN(64, value), true)
    } else {
      this.view.setUint32(at - this.start, value >>> 0, true)
      this.view.setUint32(at - this.start + 4, Math.floor(value / 0x100000000) >>> 0, true)
    }
  }

  bytes(value: Uint8Array, at: number): void {
    this.buffer.set(value, at - this.start)
  }

  fill(value: number, at: number, count: number): void {
    this.buffer.fill(value, at - this.start, at - this.start + count)
  }

  string(value: ByteString, at: number): void {
    const { buffer } = this
    const offset = at - this.start
    if (value.length > SHORT) {
      buffer.write(value, offset, 'latin1')
      return
    }
    for (let i = 0; i < value.length; i++) buffer[offset + i] = value.charCodeAt(i)
  }

  hex(digits: string, at: number): void {
    const { buffer } = this
    let offset = at - this.start
    for (let i = 0; i < digits.length; i += 2) {
      const high = NIBBLES[digits.charCodeAt(i)] as number
      buffer[offset++] = (high << 4) | (NIBBLES[digits.charCodeAt(i + 1)] as number)
    }
  }

  /** Entry of an attribute. @returns offset behind it */
  pair(pair: XattrPair, at: number): number {
    this.u8(pair.suffix.length, at)
    this.u8(pair.prefix, at + 1)
    this.u16(pair.value.length, at + 2)
    this.string(pair.suffix, at + XATTR_ENTRY_SIZE)
    this.string(pair.value, at + XATTR_ENTRY_SIZE + pair.suffix.length)
    return at + pair.size
  }

  /** Head of an entry with prefix `trusted.`, whose value the caller writes. @returns offset of the value */
  trusted(suffix: ByteString, valueBytes: number, at: number): number {
    this.u8(suffix.length, at)
    this.u8(TRUSTED_INDEX, at + 1)
    this.u16(valueBytes, at + 2)
    this.string(suffix, at + XATTR_ENTRY_SIZE)
    return at + XATTR_ENTRY_SIZE + suffix.length
  }

  private take(bytes: number): Uint8Array {
    const taken = this.buffer.subarray(0, bytes)
    this.start += bytes
    this.buffer = Buffer.alloc(Math.min(this.chunkBytes, this.totalBytes - this.start))
    this.view = viewOf(this.buffer)
    return taken
  }
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
}
