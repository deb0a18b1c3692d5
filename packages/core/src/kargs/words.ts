/** One kernel argument, taken apart for comparison. */
export interface Karg {
  readonly key: string
  /** Without its quotes; undefined for a bare key, which differs from `key=`. */
  readonly value?: string
}

/** Words of a command line: split at white space outside double quotes; quotes stay. */
export function splitKargs(cmdline: string): string[] {
  const words: string[] = []
  let start = -1
  let quoted = false
  for (let i = 0; i < cmdline.length; i++) {
    const char = cmdline[i]!
    if (char === '"') quoted = !quoted
    const isSpace = !quoted && /\s/.test(char)
    if (isSpace && start >= 0) {
      words.push(cmdline.slice(start, i))
      start = -1
    } else if (!isSpace && start < 0) {
      start = i
    }
  }
  if (start >= 0) words.push(cmdline.slice(start))
  return words
}

export function joinKargs(kargs: readonly string[]): string {
  return kargs.join(' ')
}

/**
 * Key and value of a word. As in the kernel, only the first and last quote of the word and one after the `=`
 * are syntax: `"a=b c"` and `a="b c"` are equal.
 */
export function parseKarg(word: string): Karg {
  const start = word.startsWith('"') ? 1 : 0
  const end = word.length > start && word.endsWith('"') ? word.length - 1 : word.length
  const text = word.slice(start, end)
  const equals = text.indexOf('=')
  if (equals < 0) return { key: text }
  const value = text.slice(equals + 1)
  return { key: text.slice(0, equals), value: value.startsWith('"') ? value.slice(1) : value }
}

/** Keys are equal when they differ only in `-` and `_`; case counts. */
export function sameKargKey(a: string, b: string): boolean {
  return a === b || foldKey(a) === foldKey(b)
}

/** Equal key and equal value, however quoted. */
export function sameKarg(a: string, b: string): boolean {
  return a === b || kargIdentity(a) === kargIdentity(b)
}

/** Equal for equal arguments; for sets. */
export function kargIdentity(word: string): string {
  const { key, value } = parseKarg(word)
  return value === undefined ? foldKey(key) : `${foldKey(key)}=${value}`
}

function foldKey(key: string): string {
  return key.replaceAll('-', '_')
}
