import type { Spec } from './file-contexts.js'
import type { Dialect } from './pattern.js'

interface Rule {
  readonly spec: Spec
  /** Position in the policy: later ones win. */
  readonly rank: number
  readonly prefix: string
  regex: RegExp | undefined
}

const typeBits = 0o170000

/** How the composefs dialect writes types of files. */
const typeCharacters: Readonly<Record<number, string>> = {
  0o100000: '-',
  0o040000: 'd',
  0o120000: 'l',
  0o020000: 'c',
  0o060000: 'b',
  0o010000: 'p',
  0o140000: 's',
}

/**
 * Specifications by path. The last one in the policy wins; for libselinux, one without special characters
 * before all expressions.
 *
 * Expressions are filed under the directory of the text they start with, so a path is tried against those
 * of its ancestors only.
 */
export class SpecTable {
  readonly #dialect: Dialect
  /** Highest rank first, as rules are. */
  readonly #literals = new Map<string, Rule[]>()
  /** By directory, `''` for the root; highest rank first. */
  readonly #rules = new Map<string, Rule[]>()
  /** Rules for the entries of a directory: its own and all its ancestors'. */
  readonly #merged = new Map<string, readonly Rule[]>()

  constructor(specs: readonly Spec[], dialect: Dialect = 'libselinux') {
    this.#dialect = dialect
    for (let rank = specs.length - 1; rank >= 0; rank--) {
      const spec = specs[rank]!
      const { kind, prefix } = spec.pattern
      const rule = { spec, rank, prefix, regex: undefined }
      if (kind === 'literal') append(this.#literals, prefix, rule)
      else append(this.#rules, directoryOf(prefix), rule)
    }
  }

  /**
   * @param path in latin1: one character a byte
   * @param mode with type bits; the composefs dialect needs them
   */
  find(path: string, mode: number): Spec | undefined {
    const type = mode & typeBits
    const fits = (spec: Spec): boolean => type === 0 || spec.type === 0 || spec.type === type
    const literals = this.#literals.get(path)?.filter(({ spec }) => fits(spec))
    const isComposefs = this.#dialect === 'composefs'
    // One for a type of file comes before one for all, since libselinux 3.8.
    const literal = isComposefs
      ? literals?.[0]
      : (literals?.find(({ spec }) => spec.type !== 0) ?? literals?.[0])
    if (literal !== undefined && !isComposefs) return literal.spec
    const text = isComposefs ? path + typeCharacters[type] : path
    for (const rule of this.#rulesFor(directoryOf(path))) {
      if (literal !== undefined && literal.rank > rule.rank) return literal.spec
      if (!fits(rule.spec) || !path.startsWith(rule.prefix)) continue
      if (this.#matches(rule, path, text)) return rule.spec
    }
    return literal?.spec
  }

  #matches(rule: Rule, path: string, text: string): boolean {
    const { pattern } = rule.spec
    switch (pattern.kind) {
      case 'subtree':
        return path.length === rule.prefix.length || path.charCodeAt(rule.prefix.length) === 0x2f
      case 'regex':
        rule.regex ??= new RegExp(
          this.#dialect === 'composefs' ? `^${pattern.source}.$` : `^${pattern.source}$`,
          's',
        )
        return rule.regex.test(text)
      default:
        return true
    }
  }

  #rulesFor(directory: string): readonly Rule[] {
    const known = this.#merged.get(directory)
    if (known !== undefined) return known
    const own = this.#rules.get(directory)
    const above = directory === '' ? [] : this.#rulesFor(directoryOf(directory))
    const reachable = above.filter(({ prefix }) => couldMatchBelow(prefix, directory))
    const merged = own === undefined ? reachable : [...own, ...reachable].sort((a, b) => b.rank - a.rank)
    this.#merged.set(directory, merged)
    return merged
  }
}

/** True when a path in `directory` or below it can start with `prefix`. */
function couldMatchBelow(prefix: string, directory: string): boolean {
  const path = `${directory}/`
  return prefix.length <= path.length ? path.startsWith(prefix) : prefix.startsWith(path)
}

/** Text before the last slash. */
function directoryOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0))
}

function append<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
