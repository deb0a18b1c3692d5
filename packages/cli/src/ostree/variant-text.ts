import type { Variant } from '@bootc-sdk/ostree-backend'

/**
 * GVariant text form, as `ostree show --print-metadata-key` and `ls -X` print it: strings quoted, byte arrays
 * as `b'…'` when they end in NUL and are printable, else `[byte 0x62, …]`.
 *
 * @see GLib GVariant text format
 */
export function variantText(variant: Variant, annotate = true): string {
  const { type, value } = variant
  switch (type[0]) {
    case 's':
    case 'o':
    case 'g':
      return quote(value as string)
    case 'b':
      return String(value)
    case 'y':
      return annotate ? `byte ${hexByte(value as number)}` : hexByte(value as number)
    case 'u':
      return annotate ? `uint32 ${String(value)}` : String(value)
    case 't':
      return annotate ? `uint64 ${String(value)}` : String(value)
    case 'x':
      return annotate ? `int64 ${String(value)}` : String(value)
    case 'n':
      return annotate ? `int16 ${String(value)}` : String(value)
    case 'q':
      return annotate ? `uint16 ${String(value)}` : String(value)
    case 'd':
      return Number.isInteger(value) ? `${String(value)}.0` : String(value)
    case 'v':
      return `<${variantText(value as Variant)}>`
    case 'a':
      return arrayText(type, value, annotate)
    case '(': {
      const types = splitTypes(type.slice(1, -1))
      const members = (value as readonly unknown[]).map((member, index) =>
        variantText({ type: types[index]!, value: member }, annotate),
      )
      return members.length === 1 ? `(${members[0]},)` : `(${members.join(', ')})`
    }
    default:
      return String(value)
  }
}

function arrayText(type: string, value: unknown, annotate: boolean): string {
  const element = type.slice(1)
  if (element === 'y') return bytesText(value as Uint8Array)
  const items = value as readonly unknown[]
  const braces = element.startsWith('{')
  // An empty container says nothing about its type.
  if (items.length === 0) return `${annotate ? `@${type} ` : ''}${braces ? '{}' : '[]'}`
  if (braces) {
    const [key, content] = splitTypes(element.slice(1, -1)) as [string, string]
    const entries = (items as readonly (readonly [unknown, unknown])[]).map(
      ([name, item], index) =>
        `${variantText({ type: key, value: name }, annotate && index === 0)}: ${variantText({ type: content, value: item }, annotate && index === 0)}`,
    )
    return `{${entries.join(', ')}}`
  }
  // The first element fixes the type of all.
  return `[${items.map((item, index) => variantText({ type: element, value: item }, annotate && index === 0)).join(', ')}]`
}

function bytesText(bytes: Uint8Array): string {
  const text = bytes.subarray(0, -1)
  if (bytes.length > 0 && bytes.at(-1) === 0 && !text.includes(0)) {
    const inner = [...text].map((byte) =>
      byte >= 0x20 && byte < 0x7f
        ? String.fromCharCode(byte).replace(/['\\]/, '\\$&')
        : `\\${byte.toString(8).padStart(3, '0')}`,
    )
    return `b'${inner.join('')}'`
  }
  if (bytes.length === 0) return '@ay []'
  return `[${[...bytes].map((byte, index) => (index === 0 ? `byte ${hexByte(byte)}` : hexByte(byte))).join(', ')}]`
}

function hexByte(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0')}`
}

function quote(text: string): string {
  const escaped = text
    .replace(/\\/g, '\\\\')
    .replace(/\n/g, '\\n')
    .replace(/\t/g, '\\t')
    .replace(/\r/g, '\\r')
  return escaped.includes("'") ? `"${escaped.replace(/"/g, '\\"')}"` : `'${escaped}'`
}

/** Cut `sa{sv}u` into `s`, `a{sv}`, `u`. */
function splitTypes(text: string): string[] {
  const types: string[] = []
  for (let at = 0; at < text.length;) {
    const end = endOfType(text, at)
    types.push(text.slice(at, end))
    at = end
  }
  return types
}

function endOfType(text: string, start: number): number {
  let at = start
  while (text[at] === 'a' || text[at] === 'm') at++
  if (text[at] !== '(' && text[at] !== '{') return at + 1
  for (let depth = 0; at < text.length; at++) {
    if (text[at] === '(' || text[at] === '{') depth++
    if ((text[at] === ')' || text[at] === '}') && --depth === 0) return at + 1
  }
  return text.length
}
