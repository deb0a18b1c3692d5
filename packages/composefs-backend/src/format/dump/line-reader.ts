import { badDump } from '../errors.js'
import type { ByteString, Int64 } from '../../tree/inode.js'
import { unescapeField } from './escape.js'

const SPACE = 0x20
const BACKSLASH = 0x5c

/**
 * The fields of one line, one after the other, read straight from the bytes: a dump has a dozen fields a line
 * and a million lines, and a string for each would cost more than all the rest.
 */
export class LineReader {
  line = 0
  buffer: Buffer = Buffer.alloc(0)
  /** Where the current field starts and the line ends. */
  at = 0
  end = 0

  fail(reason: string): never {
    throw badDump(this.line, reason)
  }

  /** End of the field that starts at `at`: the next space, or the end of the line. */
  fieldEnd(name: string): number {
    if (this.at > this.end) this.fail(`${name} is missing`)
    const { buffer, end } = this
    let at = this.at
    while (at < end && buffer[at] !== SPACE) at++
    return at
  }

  skip(name: string): void {
    this.at = this.fieldEnd(name) + 1
  }

  /** A field as it stands, `-` as undefined. */
  raw(name: string): string | undefined {
    const start = this.at
    const stop = this.fieldEnd(name)
    this.at = stop + 1
    if (stop === start + 1 && this.buffer[start] === 0x2d) return undefined
    return this.buffer.toString('latin1', start, stop)
  }

  /** An escaped field, `-` as undefined. */
  optional(name: string): ByteString | undefined {
    const text = this.raw(name)
    return text === undefined ? undefined : this.unescape(text, name)
  }

  unescape(text: string, name: string): ByteString {
    const result = unescapeField(text)
    return typeof result === 'string' ? this.fail(`${name} has ${result}`) : result.bytes
  }

  /** Bytes of a path field: where they lie, after escapes were resolved. */
  path(name: string): { buffer: Buffer; start: number; end: number } {
    const start = this.at
    const end = this.fieldEnd(name)
    this.at = end + 1
    const { buffer } = this
    for (let i = start; i < end; i++) {
      if (buffer[i] !== BACKSLASH) continue
      const bytes = Buffer.from(this.unescape(buffer.toString('latin1', start, end), name), 'latin1')
      return { buffer: bytes, start: 0, end: bytes.length }
    }
    return { buffer, start, end }
  }

  /** A decimal number of 32 bits. */
  u32(name: string): number {
    const start = this.at
    const stop = this.fieldEnd(name)
    this.at = stop + 1
    const value = this.digits(start, stop)
    if (value === undefined) return this.notANumber(name, start, stop)
    if (value > 0xffffffff) this.fail(`${name} is larger than 32 bits`)
    return value
  }

  /** A decimal number of 64 bits without sign. */
  u64(name: string): Int64 {
    const start = this.at
    const stop = this.fieldEnd(name)
    this.at = stop + 1
    return this.digits(start, stop) ?? this.long(name, start, stop)
  }

  /** Octal mode; bits beyond 16 mean nothing to the tools and are cut off. */
  mode(): number {
    const start = this.at
    const stop = this.fieldEnd('mode')
    this.at = stop + 1
    const { buffer } = this
    let value = 0
    if (stop === start || stop - start > 11) this.fail('mode is not an octal number')
    for (let i = start; i < stop; i++) {
      const digit = (buffer[i] as number) - 0x30
      if (digit < 0 || digit > 7) this.fail('mode is not an octal number')
      value = value * 8 + digit
    }
    return value & 0o177777
  }

  /**
   * SEC.NSEC, two whole numbers. A time before 1970 is what `composefs-info dump` prints for it (`-1.5`), or
   * the same 64 bits read as a number without sign.
   */
  mtime(negative: boolean): { sec: Int64; nsec: number } {
    const start = this.at
    const stop = this.fieldEnd('mtime')
    this.at = stop + 1
    let dot = start
    while (dot < stop && this.buffer[dot] !== 0x2e) dot++
    if (dot === stop) this.fail('mtime has no dot')
    const nsec = this.digits(dot + 1, stop)
    if (nsec === undefined) this.notANumber('nanoseconds of mtime', dot + 1, stop)
    if (nsec >= 1e9) this.fail('nanoseconds of mtime make more than a second')
    if (negative && this.buffer[start] === 0x2d) {
      const sec = this.digits(start + 1, dot) ?? this.long('mtime', start + 1, dot)
      if (sec > 2n ** 63n) this.fail('mtime is larger than 64 bits')
      return { sec: sec === 0 ? 0 : -sec, nsec }
    }
    const sec = this.digits(start, dot) ?? this.long('mtime', start, dot)
    return { sec: typeof sec === 'bigint' && sec >= 2n ** 63n ? narrow(sec - 2n ** 64n) : sec, nsec }
  }

  /** Digits that make an exact number; undefined when they do not, or are too many. */
  private digits(start: number, stop: number): number | undefined {
    if (stop <= start || stop - start > 15) return undefined
    const { buffer } = this
    let value = 0
    for (let i = start; i < stop; i++) {
      const digit = (buffer[i] as number) - 0x30
      if (digit < 0 || digit > 9) return undefined
      value = value * 10 + digit
    }
    return value
  }

  private long(name: string, start: number, stop: number): Int64 {
    const text = this.buffer.toString('latin1', start, stop)
    if (!/^[0-9]{1,40}$/.test(text)) this.fail(`${name} is not a number`)
    const value = BigInt(text)
    if (value >= 2n ** 64n) this.fail(`${name} is larger than 64 bits`)
    return narrow(value)
  }

  private notANumber(name: string, start: number, stop: number): never {
    const size = /^[0-9]+$/.test(this.buffer.toString('latin1', start, stop)) ? 'too large' : 'not a number'
    return this.fail(`${name} is ${size}`)
  }
}

function narrow(value: bigint): Int64 {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}
