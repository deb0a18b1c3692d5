import { BootcError } from '../errors.js'
import { escapeValue, joinList, splitList, unescapeValue } from './escape.js'

/**
 * A key file (GKeyFile: repository configs, origins, remotes) that can be edited: lines which are not changed
 * stay as they are, comments, order and spaces included. New lines are `key=value`, new groups follow one
 * blank line.
 */
export interface Keyfile {
  /** Names of groups in order, each once. */
  groups(): string[]
  /** Keys of a group in order, each once. */
  keys(group: string): string[]
  /** Text of a value, escapes resolved. The last one counts when a key is repeated. */
  get(group: string, key: string): string | undefined
  /** `true`, `1`, `false`, `0`. @throws BootcError `TREE_KEYFILE_INVALID` for other values */
  getBoolean(group: string, key: string): boolean | undefined
  /** Items between `;`. */
  getList(group: string, key: string): string[] | undefined
  /** Set or, with `undefined`, remove. A removed key leaves its group in place. */
  set(group: string, key: string, value: string | boolean | readonly string[] | undefined): void
  removeGroup(group: string): void
  /** The file's text. */
  toString(): string
}

type Line =
  | { readonly kind: 'group'; readonly group: string; readonly text: string }
  | {
      readonly kind: 'pair'
      readonly group: string
      readonly key: string
      readonly raw: string
      readonly text: string
    }
  | { readonly kind: 'other'; readonly group: string; readonly text: string }

/**
 * @throws BootcError `TREE_KEYFILE_INVALID` for lines that are neither group, pair, comment nor blank, and for
 *   pairs before the first group
 */
export function parseKeyfile(text: string): Keyfile {
  let group = ''
  const lines: Line[] = []
  const body = text.endsWith('\n') ? text.slice(0, -1) : text
  if (body !== '' || text !== '') {
    body.split('\n').forEach((line, index) => {
      const parsed = parseLine(line, group, index + 1)
      group = parsed.group
      lines.push(parsed)
    })
  }
  return new Document(lines)
}

function parseLine(line: string, group: string, number: number): Line {
  const text = line.endsWith('\r') ? line.slice(0, -1) : line
  const content = text.trimStart()
  if (content === '' || content.startsWith('#')) return { kind: 'other', group, text: line }
  if (content.startsWith('[')) {
    const name = /^\[([^[\]\p{Cc}]+)\][ \t]*$/u.exec(content)?.[1]
    if (name === undefined) throw invalid(`line ${number} is not a group`, { line: number })
    return { kind: 'group', group: name, text: line }
  }
  const equals = content.indexOf('=')
  const key = content.slice(0, Math.max(equals, 0)).trimEnd()
  if (key === '') throw invalid(`line ${number} is neither group, key nor comment`, { line: number })
  if (group === '') throw invalid(`line ${number} comes before the first group`, { line: number })
  return { kind: 'pair', group, key, raw: content.slice(equals + 1).trimStart(), text: line }
}

class Document implements Keyfile {
  #lines: Line[]

  constructor(lines: Line[]) {
    this.#lines = lines
  }

  groups(): string[] {
    return [...new Set(this.#lines.flatMap((line) => (line.kind === 'group' ? [line.group] : [])))]
  }

  keys(group: string): string[] {
    return [
      ...new Set(
        this.#lines.flatMap((line) => (line.kind === 'pair' && line.group === group ? [line.key] : [])),
      ),
    ]
  }

  get(group: string, key: string): string | undefined {
    const raw = this.#raw(group, key)
    if (raw === undefined) return undefined
    const text = unescapeValue(raw)
    if (text === undefined) throw invalid(`${group}.${key} has an unknown escape`, { group, key })
    return text
  }

  getBoolean(group: string, key: string): boolean | undefined {
    const raw = this.#raw(group, key)?.trimEnd()
    if (raw === undefined) return undefined
    if (raw === 'true' || raw === '1') return true
    if (raw === 'false' || raw === '0') return false
    throw invalid(`${group}.${key} is not a boolean`, { group, key })
  }

  getList(group: string, key: string): string[] | undefined {
    const raw = this.#raw(group, key)
    if (raw === undefined) return undefined
    const items = splitList(raw)
    if (items === undefined) throw invalid(`${group}.${key} has an unknown escape`, { group, key })
    return items
  }

  set(group: string, key: string, value: string | boolean | readonly string[] | undefined): void {
    const isPair = (line: Line): boolean => line.kind === 'pair' && line.group === group && line.key === key
    if (value === undefined) {
      this.#lines = this.#lines.filter((line) => !isPair(line))
      return
    }
    checkNames(group, key)
    const raw =
      typeof value === 'string'
        ? escapeValue(value)
        : typeof value === 'boolean'
          ? String(value)
          : joinList(value)
    const pair: Line = { kind: 'pair', group, key, raw, text: `${key}=${raw}` }
    const last = this.#lines.findLastIndex(isPair)
    if (last >= 0) {
      // Nothing to do keeps the line's own spacing.
      const old = this.#lines[last]!
      if (old.kind !== 'pair' || old.raw !== raw) this.#lines[last] = pair
      return
    }
    const end = this.#lines.findLastIndex((line) => line.group === group && line.kind !== 'other')
    if (end >= 0) {
      this.#lines.splice(end + 1, 0, pair)
      return
    }
    while (this.#lines.length > 0 && this.#lines.at(-1)!.text.trim() === '') this.#lines.pop()
    if (this.#lines.length > 0)
      this.#lines.push({ kind: 'other', group: this.#lines.at(-1)!.group, text: '' })
    this.#lines.push({ kind: 'group', group, text: `[${group}]` }, pair)
  }

  removeGroup(group: string): void {
    this.#lines = this.#lines.filter((line) => line.group !== group || group === '')
    // The blank line that stood before a group at the end has lost its purpose.
    while (this.#lines.length > 0 && this.#lines.at(-1)!.text.trim() === '') this.#lines.pop()
  }

  toString(): string {
    return this.#lines.map((line) => `${line.text}\n`).join('')
  }

  #raw(group: string, key: string): string | undefined {
    const line = this.#lines.findLast((one) => one.kind === 'pair' && one.group === group && one.key === key)
    return line?.kind === 'pair' ? line.raw : undefined
  }
}

function checkNames(group: string, key: string): void {
  if (!/^[^[\]\p{Cc}]+$/u.test(group))
    throw invalid(`${JSON.stringify(group)} cannot name a group`, { group })
  if (!/^[^=\n\r#[\s][^=\n\r]*$/.test(key) || key !== key.trim()) {
    throw invalid(`${JSON.stringify(key)} cannot be a key`, { group, key })
  }
}

function invalid(problem: string, details: Record<string, unknown>): BootcError {
  return new BootcError('TREE_KEYFILE_INVALID', `key file: ${problem}`, { details: { problem, ...details } })
}
