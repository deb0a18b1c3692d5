import { parse } from 'smol-toml'
import { confInvalid, problemOf } from './conf-error.js'

/*
 * Typed access to TOML as Go's decoder gives it: a wrong type is an error, an unknown key is not, and a key counts
 * in any case when none is spelled exactly. `Blocked = true` must block here too.
 *
 * @see github.com/BurntSushi/toml 1.4 decode.go (used by containers/image 5.34)
 */

export type TomlTable = Readonly<Record<string, unknown>>

/** @throws BootcError `TRANSPORT_CONFIG_INVALID` */
export function parseToml(text: string, path: string): TomlTable {
  try {
    return parse(text)
  } catch (cause) {
    throw confInvalid(path, `not valid TOML: ${problemOf(cause)}`, cause)
  }
}

/** Reads members of one table of a file. */
export class TomlMembers {
  readonly #table: TomlTable
  readonly #path: string
  readonly #where: string

  /** @param where path of the table for messages: `registry[2].` */
  constructor(table: TomlTable, path: string, where = '') {
    this.#table = table
    this.#path = path
    this.#where = where
  }

  text(key: string): string | undefined {
    return this.#typed(key, 'a string', (value) => (typeof value === 'string' ? value : undefined))
  }

  flag(key: string): boolean | undefined {
    return this.#typed(key, 'a boolean', (value) => (typeof value === 'boolean' ? value : undefined))
  }

  texts(key: string): string[] | undefined {
    return this.#typed(key, 'an array of strings', (value) =>
      Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined,
    )
  }

  table(key: string): TomlMembers | undefined {
    const found = this.#typed(key, 'a table', (value) => (isTable(value) ? value : undefined))
    return found && new TomlMembers(found, this.#path, `${this.#where}${key}.`)
  }

  tables(key: string): TomlMembers[] | undefined {
    const found = this.#typed(key, 'an array of tables', (value) =>
      Array.isArray(value) && value.every(isTable) ? value : undefined,
    )
    return found?.map((table, i) => new TomlMembers(table, this.#path, `${this.#where}${key}[${i}].`))
  }

  /** A table of strings. */
  textMap(key: string): Map<string, string> | undefined {
    const found = this.#typed(key, 'a table of strings', (value) =>
      isTable(value) && Object.values(value).every((item) => typeof item === 'string') ? value : undefined,
    )
    return found && new Map(Object.entries(found) as [string, string][])
  }

  #typed<T>(key: string, what: string, read: (value: unknown) => T | undefined): T | undefined {
    const value = this.#get(key)
    if (value === undefined) return undefined
    const result = read(value)
    if (result !== undefined) return result
    throw confInvalid(this.#path, `${this.#where}${key} is not ${what}`)
  }

  #get(key: string): unknown {
    if (Object.hasOwn(this.#table, key)) return this.#table[key]
    const other = Object.keys(this.#table).find((name) => name.toLowerCase() === key)
    return other === undefined ? undefined : this.#table[other]
  }
}

function isTable(value: unknown): value is TomlTable {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}
