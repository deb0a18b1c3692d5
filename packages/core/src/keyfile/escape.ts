/*
 * Escapes of key files: a leading space as `\s`, `\n`, `\t`, `\r`, `\\`; in lists also the separator.
 * See GLib 2.80, "Basic format of the file" and gkeyfile.c.
 */

const escaped: Readonly<Record<string, string>> = { '\n': '\\n', '\t': '\\t', '\r': '\\r', '\\': '\\\\' }
const unescaped: Readonly<Record<string, string>> = { s: ' ', n: '\n', t: '\t', r: '\r', '\\': '\\' }

export function escapeValue(text: string): string {
  const inner = text.replace(/[\n\t\r\\]/g, (char) => escaped[char]!)
  // Readers drop white space after the "=".
  return inner.startsWith(' ') ? `\\s${inner.slice(1)}` : inner
}

/** Undefined for an escape that does not exist. */
export function unescapeValue(raw: string): string | undefined {
  if (!raw.includes('\\')) return raw
  let isValid = true
  const text = raw.replace(/\\([^]?)/g, (_, char: string) => {
    const plain = unescaped[char]
    if (plain === undefined) isValid = false
    return plain ?? ''
  })
  return isValid ? text : undefined
}

/** `a;b;`: every item ends with the separator. */
export function joinList(items: readonly string[]): string {
  return items.map((item) => `${escapeValue(item).replaceAll(';', '\\;')};`).join('')
}

/** Items of a list; a missing last separator is forgiven. Undefined for a bad escape. */
export function splitList(raw: string): string[] | undefined {
  const items: string[] = []
  let start = 0
  for (let i = 0; i < raw.length; i++) {
    if (raw[i] === '\\') i++
    else if (raw[i] === ';') {
      items.push(raw.slice(start, i))
      start = i + 1
    }
  }
  if (start < raw.length) items.push(raw.slice(start))
  const texts = items.map((item) => unescapeValue(item.replaceAll('\\;', ';')))
  return texts.includes(undefined) ? undefined : (texts as string[])
}
