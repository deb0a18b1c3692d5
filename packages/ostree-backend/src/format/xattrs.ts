import type { Xattr } from '@bootc-sdk/core'
import { compareNames, decodeName, encodeName } from '@bootc-sdk/core/names'
import { corrupt, invalid } from './errors.js'
import { decodeVariant } from './gvariant-decode.js'
import { offsetWidthFor } from './gvariant-type.js'

const empty = Buffer.alloc(0)

/**
 * Encode `a(ayay)`: names with their NUL, values as they are, in the given order.
 *
 * @throws BootcError `STORE_OSTREE_INVALID` for an empty name, one with NUL, or two equal ones in a row
 * @see ostree 2026.4 src/libostree/ostree-core.c, file headers
 */
export function encodeXattrs(xattrs: readonly Xattr[]): Buffer {
  if (xattrs.length === 0) return empty
  const elements = xattrs.map((xattr, index) => {
    if (xattr.name === '' || xattr.name.includes('\0'))
      throw invalid('extended attribute', 'bad or empty name')
    if (index > 0 && xattrs[index - 1]!.name === xattr.name) {
      throw invalid(`extended attribute ${JSON.stringify(xattr.name)}`, 'given twice')
    }
    const name = encodeName(xattr.name)
    const body = name.length + 1 + xattr.value.length
    const width = offsetWidthFor(body, 1)
    const out = Buffer.alloc(body + width)
    name.copy(out)
    out.set(xattr.value, name.length + 1)
    out.writeUIntLE(name.length + 1, body, width)
    return out
  })
  const body = elements.reduce((sum, element) => sum + element.length, 0)
  const width = offsetWidthFor(body, elements.length)
  const table = Buffer.alloc(width * elements.length)
  let end = 0
  elements.forEach((element, index) => {
    end += element.length
    table.writeUIntLE(end, index * width, width)
  })
  return Buffer.concat([...elements, table])
}

/** Values are copies. Order is kept: versions before 2026.4 did not sort. */
export function decodeXattrs(bytes: Uint8Array, what: string): Xattr[] {
  if (bytes.length === 0) return []
  const pairs = decodeVariant('a(ayay)', bytes, what) as [Buffer, Buffer][]
  return xattrsFromPairs(pairs, what)
}

export function xattrsFromPairs(pairs: readonly (readonly [Buffer, Buffer])[], what: string): Xattr[] {
  const seen = new Set<string>()
  return pairs.map(([rawName, value]) => {
    const last = rawName.length - 1
    if (last < 1 || rawName.indexOf(0) !== last) throw corrupt(what, 'bad extended attribute name')
    const name = decodeName(rawName.subarray(0, last))
    if (seen.has(name)) throw corrupt(what, 'extended attribute given twice')
    seen.add(name)
    return { name, value: Buffer.from(value) }
  })
}

/**
 * The form in which attributes are hashed: sorted by name, those with an empty value dropped (libostree drops
 * them when it reads a file system, so keeping one would look like damage later).
 */
export function canonicalXattrs(xattrs: readonly Xattr[]): readonly Xattr[] {
  if (xattrs.length === 0) return xattrs
  return xattrs.filter((xattr) => xattr.value.length > 0).sort((a, b) => compareNames(a.name, b.name))
}

/** Attributes as the native addon takes them: u16le name length, name, u32le value length, value. */
export function packXattrs(xattrs: readonly Xattr[]): Buffer | undefined {
  if (xattrs.length === 0) return undefined
  const parts: Buffer[] = []
  for (const { name, value } of xattrs) {
    const rawName = encodeName(name)
    const nameLength = Buffer.alloc(2)
    nameLength.writeUInt16LE(rawName.length)
    const valueLength = Buffer.alloc(4)
    valueLength.writeUInt32LE(value.length)
    parts.push(nameLength, rawName, valueLength, Buffer.from(value))
  }
  return Buffer.concat(parts)
}
