import { isUtf8 } from 'node:buffer'
import { corrupt } from './errors.js'
import {
  alignUp,
  maxDepth,
  offsetWidth,
  offsetWidthFor,
  parseVariantType,
  type VariantType,
} from './gvariant-type.js'

/**
 * Decode a GVariant, refusing everything that is not normal form (GLib would put default values in its
 * place). Values as in `encodeVariant`; `ay` values are views of `bytes`.
 *
 * @param what names the bytes in errors
 * @throws BootcError `STORE_OSTREE_CORRUPT`
 * @see GLib GVariant specification, "Serialisation Format"
 */
export function decodeVariant(type: string, bytes: Uint8Array, what = `value of type ${type}`): unknown {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return new Reader(what).read(parseVariantType(type), buffer, 0)
}

/** Far above what real metadata holds; a hostile 128 MiB array of booleans must not become gigabytes of heap. */
const maxValues = 4_000_000

class Reader {
  readonly #what: string
  #values = 0

  constructor(what: string) {
    this.#what = what
  }

  read(type: VariantType, bytes: Buffer, depth: number): unknown {
    if (depth > maxDepth) this.fail('nested too deeply')
    if (++this.#values > maxValues) this.fail('too many values')
    if (type.fixedSize !== undefined && bytes.length !== type.fixedSize) {
      this.fail(`${type.text} has ${bytes.length} bytes`)
    }
    switch (type.kind) {
      case 's':
        return this.string(bytes)
      case 'v':
        return this.variant(bytes, depth)
      case 'a':
        return this.array(type.members[0]!, bytes, depth)
      case 'm':
        return this.maybe(type.members[0]!, bytes, depth)
      case '(':
      case '{':
        return this.tuple(type, bytes, depth)
      default:
        return this.number(type.kind, bytes)
    }
  }

  private number(kind: string, bytes: Buffer): unknown {
    switch (kind) {
      case 'y':
        return bytes[0]
      case 'b':
        if (bytes[0]! > 1) this.fail('boolean is neither 0 nor 1')
        return bytes[0] === 1
      case 'n':
        return bytes.readInt16LE()
      case 'q':
        return bytes.readUInt16LE()
      case 'i':
        return bytes.readInt32LE()
      case 'u':
        return bytes.readUInt32LE()
      case 'x':
        return bytes.readBigInt64LE()
      case 't':
        return bytes.readBigUInt64LE()
      default:
        return bytes.readDoubleLE()
    }
  }

  private string(bytes: Buffer): string {
    if (bytes.length === 0 || bytes.indexOf(0) !== bytes.length - 1) this.fail('string without its one NUL')
    if (!isUtf8(bytes)) this.fail('string is not UTF-8')
    return bytes.toString('utf8', 0, bytes.length - 1)
  }

  private variant(bytes: Buffer, depth: number): { type: string; value: unknown } {
    const nul = bytes.lastIndexOf(0)
    if (nul < 0) this.fail('variant without a type')
    const text = bytes.toString('latin1', nul + 1)
    let type: VariantType
    try {
      type = parseVariantType(text)
    } catch (error) {
      throw corrupt(this.#what, 'variant with a bad type', error)
    }
    return { type: text, value: this.read(type, bytes.subarray(0, nul), depth + 1) }
  }

  private maybe(element: VariantType, bytes: Buffer, depth: number): unknown {
    if (bytes.length === 0) return undefined
    if (element.fixedSize !== undefined) return { just: this.read(element, bytes, depth + 1) }
    if (bytes[bytes.length - 1] !== 0) this.fail('maybe without its zero byte')
    return { just: this.read(element, bytes.subarray(0, -1), depth + 1) }
  }

  private array(element: VariantType, bytes: Buffer, depth: number): unknown {
    if (element.kind === 'y') return bytes
    if (bytes.length === 0) return []
    const values: unknown[] = []
    if (element.fixedSize !== undefined) {
      if (bytes.length % element.fixedSize !== 0) this.fail('array size is no multiple of its elements')
      for (let at = 0; at < bytes.length; at += element.fixedSize) {
        values.push(this.read(element, bytes.subarray(at, at + element.fixedSize), depth + 1))
      }
      return values
    }
    const width = offsetWidth(bytes.length)
    if (bytes.length < width) this.fail('array without offsets')
    const table = this.offset(bytes, bytes.length - width, width)
    const count = (bytes.length - table) / width
    if (table >= bytes.length || !Number.isInteger(count)) this.fail('bad offset table')
    if (offsetWidthFor(table, count) !== width) this.fail('offsets wider than needed')
    let at = 0
    for (let index = 0; index < count; index++) {
      const end = this.offset(bytes, table + index * width, width)
      at = this.skipPadding(bytes, at, element.alignment, table)
      if (end < at || end > table) this.fail('offsets out of order')
      values.push(this.read(element, bytes.subarray(at, end), depth + 1))
      at = end
    }
    return values
  }

  private tuple(type: VariantType, bytes: Buffer, depth: number): unknown[] {
    const { members } = type
    if (members.length === 0) {
      if (bytes[0] !== 0) this.fail('unit tuple is not zero')
      return []
    }
    const width = offsetWidth(bytes.length)
    let table = bytes.length
    let framed = 0
    let at = 0
    const values: unknown[] = []
    const offsets = members.filter((member, index) => isFramed(member, index, members.length)).length
    const bodyEnd = bytes.length - offsets * width
    if (bodyEnd < 0) this.fail('tuple too small for its offsets')
    for (const [index, member] of members.entries()) {
      at = this.skipPadding(bytes, at, member.alignment, bodyEnd)
      let end: number
      if (member.fixedSize !== undefined) end = at + member.fixedSize
      else if (isFramed(member, index, members.length)) {
        table -= width
        framed++
        end = this.offset(bytes, table, width)
      } else end = bodyEnd
      if (end < at || end > bodyEnd) this.fail('member outside its tuple')
      values.push(this.read(member, bytes.subarray(at, end), depth + 1))
      at = end
    }
    if (type.fixedSize !== undefined) at = this.skipPadding(bytes, at, type.alignment, bodyEnd)
    if (at !== bodyEnd) this.fail('bytes after the last member')
    if (framed > 0 && offsetWidthFor(bodyEnd, framed) !== width) this.fail('offsets wider than needed')
    return values
  }

  private offset(bytes: Buffer, at: number, width: number): number {
    if (width < 8) return bytes.readUIntLE(at, width)
    const value = bytes.readBigUInt64LE(at)
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value)
  }

  private skipPadding(bytes: Buffer, at: number, alignment: number, limit: number): number {
    const aligned = alignUp(at, alignment)
    if (aligned > limit) this.fail('member outside its container')
    for (let index = at; index < aligned; index++) if (bytes[index] !== 0) this.fail('padding is not zero')
    return aligned
  }

  private fail(reason: string): never {
    throw corrupt(this.#what, reason)
  }
}

function isFramed(member: VariantType, index: number, count: number): boolean {
  return member.fixedSize === undefined && index < count - 1
}
