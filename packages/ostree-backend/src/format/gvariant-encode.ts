import { isUtf8Name } from '@bootc-sdk/core/names'
import { invalid } from './errors.js'
import { alignUp, maxDepth, offsetWidthFor, parseVariantType, type VariantType } from './gvariant-type.js'

/**
 * Encode a value as GVariant normal form, little-endian.
 *
 * Values by type: `y n q i u d` number, `x t` bigint, `b` boolean, `s` string, `v` `{ type, value }`, `ay`
 * Uint8Array, other arrays and tuples array, dict entry `[key, value]`, maybe `undefined` or `{ just: value }`.
 *
 * @throws BootcError `STORE_OSTREE_INVALID` for a value that does not fit its type
 * @see GLib GVariant specification, "Serialisation Format"
 */
export function encodeVariant(type: string, value: unknown): Buffer {
  return encode(parseVariantType(type), value, 0)
}

function encode(type: VariantType, value: unknown, depth: number): Buffer {
  if (depth > maxDepth) throw invalid(`value of type ${type.text}`, 'nested too deeply')
  switch (type.kind) {
    case 's':
      return encodeString(value)
    case 'v':
      return encodeChildVariant(value, depth)
    case 'a':
      return encodeArray(type, value, depth)
    case 'm':
      return encodeMaybe(type, value, depth)
    case '(':
    case '{':
      return encodeTuple(type, value, depth)
    default:
      return encodeNumber(type, value)
  }
}

function encodeNumber({ kind, fixedSize }: VariantType, value: unknown): Buffer {
  const out = Buffer.alloc(fixedSize!)
  if (kind === 'b') {
    if (typeof value !== 'boolean') throw mismatch(kind, value)
    out[0] = value ? 1 : 0
  } else if (kind === 'x' || kind === 't') {
    if (typeof value !== 'bigint') throw mismatch(kind, value)
    const wrapped = kind === 'x' ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value)
    if (wrapped !== value) throw mismatch(kind, value)
    out.writeBigUInt64LE(BigInt.asUintN(64, value))
  } else if (kind === 'd') {
    if (typeof value !== 'number') throw mismatch(kind, value)
    out.writeDoubleLE(value)
  } else {
    if (typeof value !== 'number' || !Number.isInteger(value)) throw mismatch(kind, value)
    const span = 2 ** (8 * fixedSize!)
    const signed = kind === 'n' || kind === 'i'
    if (value < (signed ? -span / 2 : 0) || value >= (signed ? span / 2 : span)) throw mismatch(kind, value)
    out.writeUIntLE(value < 0 ? value + span : value, 0, fixedSize!)
  }
  return out
}

function encodeString(value: unknown): Buffer {
  if (typeof value !== 'string' || !isUtf8Name(value) || value.includes('\0')) throw mismatch('s', value)
  return Buffer.from(`${value}\0`)
}

function encodeChildVariant(value: unknown, depth: number): Buffer {
  const { type, value: child } = (value ?? {}) as { type?: unknown; value?: unknown }
  if (typeof type !== 'string') throw mismatch('v', value)
  return Buffer.concat([
    encode(parseVariantType(type), child, depth + 1),
    Buffer.alloc(1),
    Buffer.from(type, 'latin1'),
  ])
}

function encodeMaybe(type: VariantType, value: unknown, depth: number): Buffer {
  if (value === undefined) return Buffer.alloc(0)
  if (typeof value !== 'object' || value === null || !('just' in value)) throw mismatch(type.text, value)
  const element = type.members[0]!
  const child = encode(element, value.just, depth + 1)
  return element.fixedSize === undefined ? Buffer.concat([child, Buffer.alloc(1)]) : child
}

function encodeArray(type: VariantType, value: unknown, depth: number): Buffer {
  const element = type.members[0]!
  if (element.kind === 'y') {
    if (!(value instanceof Uint8Array)) throw mismatch(type.text, value)
    return Buffer.from(value)
  }
  if (!Array.isArray(value)) throw mismatch(type.text, value)
  const children = value.map((item: unknown) => encode(element, item, depth + 1))
  if (element.fixedSize !== undefined) return Buffer.concat(children)
  return joinChildren(
    children,
    () => element.alignment,
    () => true,
    false,
  )
}

function encodeTuple(type: VariantType, value: unknown, depth: number): Buffer {
  const { members } = type
  if (!Array.isArray(value) || value.length !== members.length) throw mismatch(type.text, value)
  if (members.length === 0) return Buffer.alloc(1)
  const children = members.map((member, index) => encode(member, value[index], depth + 1))
  const joined = joinChildren(
    children,
    (index) => members[index]!.alignment,
    (index) => members[index]!.fixedSize === undefined && index < members.length - 1,
    true,
  )
  const padding = (type.fixedSize ?? joined.length) - joined.length
  return padding > 0 ? Buffer.concat([joined, Buffer.alloc(padding)]) : joined
}

/** Children at their alignment, then the framing offsets of those that `framed` names. */
function joinChildren(
  children: readonly Buffer[],
  alignmentOf: (index: number) => number,
  framed: (index: number) => boolean,
  reversed: boolean,
): Buffer {
  const ends: number[] = []
  let body = 0
  children.forEach((child, index) => {
    body = alignUp(body, alignmentOf(index)) + child.length
    if (framed(index)) ends.push(body)
  })
  const width = offsetWidthFor(body, ends.length)
  const out = Buffer.alloc(body + width * ends.length)
  let at = 0
  children.forEach((child, index) => {
    at = alignUp(at, alignmentOf(index))
    child.copy(out, at)
    at += child.length
  })
  if (reversed) ends.reverse()
  for (const end of ends) {
    // Six bytes hold every offset that a Buffer can have.
    out.writeUIntLE(end, at, Math.min(width, 6))
    at += width
  }
  return out
}

function mismatch(type: string, value: unknown) {
  const shown = typeof value === 'object' ? Object.prototype.toString.call(value) : String(value)
  return invalid(`value of type ${type}`, `${typeof value} ${shown.slice(0, 80)} does not fit`)
}
