import { BootcError } from '../errors.js'

declare module '../errors.js' {
  interface ErrorDetails {
    /** `key` is absent for a file that is no TOML; `expected` are the keys or words that are known. */
    IMAGE_INSTALL_CONFIG: { path: string; problem: string; key?: string; expected?: readonly string[] }
  }
}

/** A table of a configuration file, with its place for messages. */
export interface Table {
  readonly path: string
  /** `install.filesystem`; '' for the file itself. */
  readonly name: string
  readonly values: Readonly<Record<string, unknown>>
}

/** All keys but these are refused: what an installer does not know, it cannot honour. */
export function assertKeys(table: Table, known: readonly string[]): void {
  for (const key of Object.keys(table.values)) {
    if (known.includes(key)) continue
    throw invalid(table, key, `unknown field \`${key}\`, expected ${oneOf(known)}`, known)
  }
}

export function subTable(table: Table, key: string): Table | undefined {
  const values = table.values[key]
  if (values === undefined) return undefined
  if (typeof values !== 'object' || values === null || Array.isArray(values) || values instanceof Date) {
    throw invalid(table, key, `${keyName(table, key)} is not a table`)
  }
  return { path: table.path, name: keyName(table, key), values: values as Record<string, unknown> }
}

export function text(table: Table, key: string): string | undefined {
  const value = table.values[key]
  if (value === undefined || typeof value === 'string') return value
  throw invalid(table, key, `${keyName(table, key)} is not a string`)
}

export function flag(table: Table, key: string): boolean | undefined {
  const value = table.values[key]
  if (value === undefined || typeof value === 'boolean') return value
  throw invalid(table, key, `${keyName(table, key)} is neither true nor false`)
}

export function strings(table: Table, key: string): readonly string[] | undefined {
  const value = table.values[key]
  if (value === undefined) return undefined
  if (Array.isArray(value) && value.every((item): item is string => typeof item === 'string')) return value
  throw invalid(table, key, `${keyName(table, key)} is not an array of strings`)
}

/** One of a closed set of words. */
export function word<W extends string>(table: Table, key: string, words: readonly W[]): W | undefined {
  const value = text(table, key)
  return value === undefined ? undefined : known(table, key, value, words)
}

export function words<W extends string>(
  table: Table,
  key: string,
  all: readonly W[],
): readonly W[] | undefined {
  return strings(table, key)?.map((value) => known(table, key, value, all))
}

function known<W extends string>(table: Table, key: string, value: string, all: readonly W[]): W {
  const found = all.find((each) => each === value)
  if (found !== undefined) return found
  throw invalid(
    table,
    key,
    `${keyName(table, key)}: unknown variant \`${value}\`, expected ${oneOf(all)}`,
    all,
  )
}

/** As serde words it, so that messages can be searched for. */
function oneOf(names: readonly string[]): string {
  const quoted = names.map((name) => `\`${name}\``)
  if (quoted.length > 2) return `one of ${quoted.join(', ')}`
  return quoted.join(' or ')
}

function keyName({ name }: Table, key: string): string {
  return name === '' ? key : `${name}.${key}`
}

function invalid(table: Table, key: string, problem: string, expected?: readonly string[]): BootcError {
  return configError(table.path, problem, {
    key: keyName(table, key),
    ...(expected === undefined ? {} : { expected }),
  })
}

export function configError(
  path: string,
  problem: string,
  details: { readonly key?: string; readonly expected?: readonly string[] } = {},
  cause?: unknown,
): BootcError {
  return new BootcError('IMAGE_INSTALL_CONFIG', `${path}: ${problem}`, {
    details: { path, problem, ...details },
    cause,
  })
}
