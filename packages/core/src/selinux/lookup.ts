import type { Spec } from './file-contexts.js'

interface Rule {
  readonly spec: Spec
  /** Position in the policy: later ones win. */
  readonly rank: number
  readonly prefix: string
  regex: RegExp | undefined
}

const typeBits = 0o170000

/**
 * Specifications by path, with libselinux's order: one without special characters wins over expressions,
 * then the last one in the policy.
 *
 * Expressions are filed under the directory of the text they start with, so a path is tried against those
 * of its ancestors only.
 */
export class SpecTable {
  readonly #literals = new Map<string, Spec[]>()
  /** By directory, `''` for the root; highest rank first. */
  readonly #rules = new Map<string, Rule[]>()
  /** Rules for the entries of a directory: its own and all its ancestors'. */
  readonly #merged = new Map<string, readonly Rule[]>()

  constructor(specs: readonly Spec[]) {
    for (let rank = specs.length - 1; rank >= 0; rank--) {
      const spec = specs[rank]!
      const { kind, prefix } = spec.pattern
      if (kind === 'literal') append(this.#literals, prefix, spec)
      else append(this.#rules, directoryOf(prefix), { spec, rank, prefix, regex: undefined })
    }
  }

  /** @param path in latin1: one character a byte */
  find(path: string, mode: number): Spec | undefined {
    const type = mode & typeBits
    const fits = (spec: Spec): boolean => type === 0 || spec.type === 0 || spec.type === type
    const literals = this.#literals.get(path)
    if (literals !== undefined) {
      // One for a type of file comes before one for all, since libselinux 3.8.
      const literal = literals.find((spec) => spec.type !== 0 && fits(spec)) ?? literals.find(fits)
      if (literal !== undefined) return literal
    }
    for (const rule of this.#rulesFor(directoryOf(path))) {
      if (fits(rule.spec) && path.startsWith(rule.prefix) && matches(rule, path)) return rule.spec
    }
    return undefined
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

function matches(rule: Rule, path: string): boolean {
  const { pattern } = rule.spec
  switch (pattern.kind) {
    case 'subtree':
      return path.length === rule.prefix.length || path.charCodeAt(rule.prefix.length) === 0x2f
    case 'regex':
      rule.regex ??= new RegExp(`^${pattern.source}$`, 's')
      return rule.regex.test(path)
    default:
      return true
  }
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
