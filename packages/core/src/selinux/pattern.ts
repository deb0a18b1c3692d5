/**
 * What a specification's regular expression matches. `literal` and `subtree` cover nearly all of a policy
 * without running an expression; `prefix` is text that every matching path starts with.
 */
export type Pattern =
  | { readonly kind: 'literal'; readonly prefix: string }
  /** `PREFIX(/.*)?`: the path itself and everything below. */
  | { readonly kind: 'subtree'; readonly prefix: string }
  /** `PREFIX.*`: everything that starts so. */
  | { readonly kind: 'start'; readonly prefix: string }
  | { readonly kind: 'regex'; readonly prefix: string; readonly source: string }

/**
 * Who reads the policy. `libselinux`: specifications without special characters come before expressions, and
 * alternatives of an expression stand outside its anchors. `composefs` (composefs-rs 0.7.0, selabel.rs): the
 * last specification in the policy wins, whatever it is; an expression is one group, followed by a character
 * for the type of file.
 */
export type Dialect = 'libselinux' | 'composefs'

/** Longest expression that libselinux compiles. */
const maxLength = 4095

/** Characters that may stand behind a backslash for themselves. */
const plainEscapes = new Set('.^$?*+|[({])}-_,/\\"\'!#%&:;<=>@`~ ')
/** Escapes with the same meaning in PCRE and JavaScript. */
const sharedEscapes = new Set('dDwWbBnrtf0123456789')

const posixClasses: Readonly<Record<string, string>> = {
  alnum: 'A-Za-z0-9',
  alpha: 'A-Za-z',
  digit: '0-9',
  lower: 'a-z',
  upper: 'A-Z',
  xdigit: '0-9A-Fa-f',
  space: ' \\t-\\r',
  blank: ' \\t',
  word: '\\w',
  punct: '!-/:-@[-`{-~',
  cntrl: '\\x00-\\x1f\\x7f',
  print: ' -~',
  graph: '!-~',
}

/**
 * Read a PCRE expression of a file_contexts file, which libselinux anchors on both sides and runs on bytes
 * with "dot matches newline".
 *
 * @returns undefined for constructs that JavaScript has not or reads differently (possessive quantifiers,
 *   atomic groups, inline options, `\Q`, `\h` …)
 */
export function parsePattern(regex: string, dialect: Dialect = 'libselinux'): Pattern | undefined {
  if (regex.length > maxLength) return undefined
  const { prefix, rest } = splitPrefix(regex)
  if (rest === '') return { kind: 'literal', prefix }
  if (rest === '(/.*)?') return { kind: 'subtree', prefix }
  if (rest === '.*') return { kind: 'start', prefix }
  const converted = toJavaScript(regex, dialect)
  if (converted === undefined) return undefined
  const source = dialect === 'composefs' ? `(?:${converted})` : converted
  try {
    // The policy's own anchors: "a|b" is "starts with a, or ends with b".
    new RegExp(`^${source}$`, 's')
  } catch {
    return undefined
  }
  if (dialect === 'composefs')
    return { kind: 'regex', prefix: hasTopAlternative(regex) ? '' : prefix, source }
  // libselinux asks expressions only about paths below their leading directories, whatever a "|" says.
  const common = hasTopAlternative(regex) ? prefix.slice(0, prefix.lastIndexOf('/') + 1) : prefix
  return { kind: 'regex', prefix: common, source }
}

/** The text before the first special character; a character that a quantifier makes optional is not in it. */
function splitPrefix(regex: string): { prefix: string; rest: string } {
  let prefix = ''
  let at = 0
  while (at < regex.length) {
    const isEscape = regex[at] === '\\'
    const char = isEscape ? regex[at + 1] : regex[at]
    if (char === undefined) break
    if (isEscape ? !plainEscapes.has(char) : '.^$?*+|[({])}'.includes(char)) break
    const next = at + (isEscape ? 2 : 1)
    if ('?*+{'.includes(regex[next] ?? ' ')) break
    prefix += char
    at = next
  }
  return { prefix, rest: regex.slice(at) }
}

/** A `|` outside of groups and classes. */
function hasTopAlternative(regex: string): boolean {
  let depth = 0
  for (let i = 0; i < regex.length; i++) {
    const char = regex[i]
    if (char === '\\') i++
    else if (char === '[') i = classEnd(regex, i)
    else if (char === '(') depth++
    else if (char === ')') depth--
    else if (char === '|' && depth === 0) return true
  }
  return false
}

function classEnd(regex: string, start: number): number {
  let i = start + 1
  if (regex[i] === '^') i++
  if (regex[i] === ']') i++
  for (; i < regex.length && regex[i] !== ']'; i++) {
    if (regex[i] === '\\') i++
    else if (regex[i] === '[' && regex[i + 1] === ':') i = Math.max(i, regex.indexOf(':]', i) + 1)
  }
  return i
}

/** The expression for JavaScript; undefined when there is none. */
function toJavaScript(regex: string, dialect: Dialect): string | undefined {
  // Expressions that look around are left to PCRE by the composefs reader, without "dot matches newline".
  const dot = dialect === 'composefs' && /\(\?<?[=!]/.test(regex) ? '[^\\n]' : '.'
  let out = ''
  for (let i = 0; i < regex.length; i++) {
    const char = regex[i]!
    if (char === '\\') {
      const escape = convertEscape(regex, i, false)
      if (escape === undefined) return undefined
      out += escape
      i++
    } else if (char === '[') {
      const end = classEnd(regex, i)
      const converted = end < regex.length ? convertClass(regex.slice(i + 1, end), dialect) : undefined
      if (converted === undefined) return undefined
      out += converted
      i = end
    } else {
      const rest = regex.slice(i)
      // (?>, (?i), (?P<, (?#, (*VERB), possessive quantifiers, {,n}: not there, or with another meaning.
      if (/^\((?:\*|\?(?![:=!]|<[=!]))|^[*+?}]\+|^\{,/.test(rest)) return undefined
      out += char === '.' ? dot : char
    }
  }
  return out
}

function convertClass(body: string, dialect: Dialect): string | undefined {
  // Sets in sets, of which PCRE and JavaScript know nothing.
  if (dialect === 'composefs' && /&&|--|~~|\[(?!:)/.test(body)) return undefined
  let out = '['
  let i = 0
  if (body[i] === '^') out += body[i++]
  // First in a class, "]" is an ordinary character.
  if (body[i] === ']') {
    out += '\\]'
    i++
  }
  for (; i < body.length; i++) {
    const posix = /^\[:([a-z]+):\]/.exec(body.slice(i))
    if (posix !== null) {
      const members = posixClasses[posix[1]!]
      if (members === undefined) return undefined
      out += members
      i += posix[0].length - 1
    } else if (body[i] === '\\') {
      const escape = convertEscape(body, i, true)
      if (escape === undefined) return undefined
      out += escape
      i++
    } else if (body[i] === '[' && /[.=:]/.test(body[i + 1] ?? '')) {
      return undefined
    } else {
      out += body[i]
    }
  }
  return `${out}]`
}

function convertEscape(text: string, at: number, inClass: boolean): string | undefined {
  const char = text[at + 1]
  if (char === undefined) return undefined
  // JavaScript's \s knows Unicode.
  if (char === 's') return inClass ? ' \\t-\\r' : '[ \\t-\\r]'
  if (char === 'S') return inClass ? undefined : '[^ \\t-\\r]'
  if (char === 'x') return /^[0-9A-Fa-f]{2}/.test(text.slice(at + 2)) ? '\\x' : undefined
  if (sharedEscapes.has(char)) return `\\${char}`
  return plainEscapes.has(char) ? `\\${char}` : undefined
}
