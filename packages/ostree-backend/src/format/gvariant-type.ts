import { invalid } from './errors.js'

/** A parsed GVariant type. `fixedSize` is undefined for types whose size varies. */
export interface VariantType {
  /** `y b n q i u x t d s v` basic, `a` array, `m` maybe, `(` tuple, `{` dict entry. */
  readonly kind: string
  readonly text: string
  readonly alignment: 1 | 2 | 4 | 8
  readonly fixedSize: number | undefined
  /** Element of arrays and maybes; members of tuples and dict entries. */
  readonly members: readonly VariantType[]
}

const basic: Readonly<Record<string, readonly [alignment: 1 | 2 | 4 | 8, fixedSize: number | undefined]>> = {
  y: [1, 1],
  b: [1, 1],
  n: [2, 2],
  q: [2, 2],
  i: [4, 4],
  u: [4, 4],
  x: [8, 8],
  t: [8, 8],
  d: [8, 8],
  s: [1, undefined],
  v: [8, undefined],
}

/** GLib's own limit on nesting, of types and of values. */
export const maxDepth = 128

/** Types of what OSTree and its users store have a few dozen; in memory each character is a hundred bytes. */
const maxTypeLength = 4096

const cache = new Map<string, VariantType>()

/**
 * Parse a type string; exactly one complete type of the subset that OSTree uses (no `o`, `g`, `h`).
 *
 * @throws BootcError `STORE_OSTREE_INVALID`
 * @see GLib GVariant specification, "Type Strings"
 */
export function parseVariantType(text: string): VariantType {
  const known = cache.get(text)
  if (known !== undefined) return known
  if (text.length > maxTypeLength) throw invalid('type string', `${text.length} characters are too many`)
  const [type, end] = parseAt(text, 0, 0)
  if (end !== text.length) throw invalid(`type string ${JSON.stringify(text)}`, 'more than one type')
  // Types come from files too, so the cache must not grow for ever.
  if (cache.size < 1000) cache.set(text, type)
  return type
}

function parseAt(text: string, start: number, depth: number): [VariantType, number] {
  const fail = (reason: string) => invalid(`type string ${JSON.stringify(text.slice(0, 256))}`, reason)
  if (depth > maxDepth) throw fail('nested too deeply')
  const kind = text[start]
  if (kind === undefined) throw fail('ends too early')
  const known = Object.hasOwn(basic, kind) ? basic[kind] : undefined
  if (known !== undefined) {
    return [{ kind, text: kind, alignment: known[0], fixedSize: known[1], members: [] }, start + 1]
  }
  if (kind === 'a' || kind === 'm') {
    const [element, end] = parseAt(text, start + 1, depth + 1)
    const { alignment } = element
    return [{ kind, text: text.slice(start, end), alignment, fixedSize: undefined, members: [element] }, end]
  }
  if (kind !== '(' && kind !== '{') throw fail(`unknown type ${JSON.stringify(kind)}`)
  const close = kind === '(' ? ')' : '}'
  const members: VariantType[] = []
  let at = start + 1
  while (text[at] !== close) {
    const [member, end] = parseAt(text, at, depth + 1)
    members.push(member)
    at = end
  }
  if (kind === '{' && (members.length !== 2 || members[0]!.members.length > 0 || members[0]!.kind === 'v')) {
    throw fail('a dict entry has a basic key and one value')
  }
  return [{ kind, text: text.slice(start, at + 1), ...shapeOf(members), members }, at + 1]
}

function shapeOf(members: readonly VariantType[]): Pick<VariantType, 'alignment' | 'fixedSize'> {
  // The unit tuple is one zero byte.
  if (members.length === 0) return { alignment: 1, fixedSize: 1 }
  let alignment: 1 | 2 | 4 | 8 = 1
  let size: number | undefined = 0
  for (const member of members) {
    if (member.alignment > alignment) alignment = member.alignment
    if (size !== undefined) {
      size = member.fixedSize === undefined ? undefined : alignUp(size, member.alignment) + member.fixedSize
    }
  }
  return { alignment, fixedSize: size === undefined ? undefined : alignUp(size, alignment) }
}

export function alignUp(offset: number, alignment: number): number {
  return (offset + alignment - 1) & ~(alignment - 1)
}

/** Width in bytes of framing offsets, given the size of the whole container. */
export function offsetWidth(totalBytes: number): 1 | 2 | 4 | 8 {
  return totalBytes <= 0xff ? 1 : totalBytes <= 0xffff ? 2 : totalBytes <= 0xffffffff ? 4 : 8
}

/** Width chosen when writing `count` offsets after `bodyBytes`: the smallest that can address the result. */
export function offsetWidthFor(bodyBytes: number, count: number): 1 | 2 | 4 | 8 {
  for (const width of [1, 2, 4] as const) {
    if (offsetWidth(bodyBytes + width * count) <= width) return width
  }
  return 8
}
