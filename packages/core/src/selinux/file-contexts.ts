import type { Warning } from '../interfaces/common.js'
import { parsePattern } from './pattern.js'
import type { Dialect, Pattern } from './pattern.js'

/** One line of a file_contexts file. */
export interface Spec {
  readonly pattern: Pattern
  /** S_IF… bits that the path's must equal; 0: any. */
  readonly type: number
  /** Undefined for `<<none>>`. */
  readonly context: string | undefined
}

/** A path prefix and what the policy calls it: `/usr/etc` → `/etc`. */
export interface Substitution {
  readonly from: string
  readonly to: string
}

const types: Readonly<Record<string, number>> = {
  '--': 0o100000,
  '-d': 0o040000,
  '-l': 0o120000,
  '-c': 0o020000,
  '-b': 0o060000,
  '-p': 0o010000,
  '-s': 0o140000,
}

/** Of one file; what follows is counted. */
const maxWarnings = 100

/**
 * Parse lines `REGEX [TYPE] CONTEXT`. What cannot be understood becomes a warning and matches nothing.
 *
 * @param text in latin1: one character a byte
 * @param file for warnings
 * @see selabel_file(5), libselinux 3.11
 */
export function parseFileContexts(
  text: string,
  file: string,
  dialect: Dialect = 'libselinux',
): { specs: Spec[]; warnings: Warning[] } {
  const specs: Spec[] = []
  const warnings: Warning[] = []
  let ignored = 0
  text.split('\n').forEach((line, index) => {
    const warn = (problem: string): void => {
      if (++ignored > maxWarnings) return
      warnings.push({
        code: 'selinux:spec-ignored',
        message: `${file}:${index + 1}: ${problem}`,
        details: { file, line: index + 1, problem },
      })
    }
    const fields = line.split(/[ \t\r\v\f]+/).filter((field) => field !== '')
    if (fields.length === 0 || fields[0]!.startsWith('#')) return
    const [regex, typeOrContext, maybeContext] = fields as [string, string | undefined, string | undefined]
    const context = maybeContext ?? typeOrContext
    if (context === undefined) return warn('no context')
    const type = maybeContext === undefined ? 0 : types[typeOrContext!]
    if (type === undefined) return warn(`unknown file type ${JSON.stringify(typeOrContext)}`)
    if (/[^\x21-\x7e]/.test(regex + context)) return warn('characters that are not ASCII')
    const pattern = parsePattern(regex, dialect)
    if (pattern === undefined) return warn(`unsupported expression ${JSON.stringify(regex)}`)
    specs.push({ pattern, type, context: context === '<<none>>' ? undefined : context })
  })
  if (ignored > maxWarnings) {
    const message = `${file}: ${ignored - maxWarnings} more lines are ignored`
    warnings.push({ code: 'selinux:spec-ignored', message, details: { file, ignored } })
  }
  return { specs, warnings }
}

/** Lines `FROM TO` of a .subs or .subs_dist file, in the order they are tried: the last one first. */
export function parseSubstitutions(text: string): Substitution[] {
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([from, to]) => from !== undefined && to !== undefined && !from.startsWith('#'))
    .map(([from, to]) => ({ from: from!, to: to! }))
    .reverse()
}

/** The path that the policy knows, when one of its prefixes is substituted. */
export function substitute(path: string, substitutions: readonly Substitution[]): string | undefined {
  for (const { from, to } of substitutions) {
    if (!path.startsWith(from)) continue
    const next = path.charAt(from.length)
    if (next === '') return to
    if (next === '/') return to === '/' ? path.slice(from.length) : to + path.slice(from.length)
  }
  return undefined
}
