import type { Warning } from '@bootc-sdk/core'
import { badCustomization } from '../errors.js'

type Table = Readonly<Record<string, unknown>>

/** Takes keys out of a table one by one, checks their types, and tells which ones nobody took. */
export class TableReader {
  readonly #table: Table
  readonly #taken = new Set<string>()

  /** @param at path of the table in the file, `''` for the file */
  constructor(
    value: unknown,
    readonly at: string,
    private readonly warnings: Warning[],
  ) {
    if (!isTable(value)) throw badCustomization(at, 'is no table')
    this.#table = value
  }

  string(key: string): string | undefined {
    const value = this.#take(key)
    if (value === undefined || typeof value === 'string') return value
    throw badCustomization(this.path(key), 'is no string')
  }

  strings(key: string): readonly string[] {
    const value = this.#take(key) ?? []
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value
    throw badCustomization(this.path(key), 'is no array of strings')
  }

  /** A whole number from 0 on. */
  number(key: string): number | undefined {
    const value = this.#take(key)
    if (value === undefined) return undefined
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
    throw badCustomization(this.path(key), 'is no whole number from 0 on')
  }

  stringOrNumber(key: string): string | number | undefined {
    return typeof this.#table[key] === 'string' ? this.string(key) : this.number(key)
  }

  boolean(key: string): boolean | undefined {
    const value = this.#take(key)
    if (value === undefined || typeof value === 'boolean') return value
    throw badCustomization(this.path(key), 'is neither true nor false')
  }

  table(key: string): TableReader | undefined {
    const value = this.#take(key)
    return value === undefined ? undefined : new TableReader(value, this.path(key), this.warnings)
  }

  tables(key: string): TableReader[] {
    const value = this.#take(key) ?? []
    if (!Array.isArray(value)) throw badCustomization(this.path(key), 'is no array of tables')
    return value.map((item, index) => new TableReader(item, `${this.path(key)}[${index}]`, this.warnings))
  }

  path(key: string): string {
    return this.at === '' ? key : `${this.at}.${key}`
  }

  /** Warn of what is left. */
  end(): void {
    for (const key of Object.keys(this.#table)) {
      if (!this.#taken.has(key)) this.leftOut(key)
    }
  }

  leftOut(key: string, why = 'is not known'): void {
    const path = this.path(key)
    this.warnings.push({
      code: 'customization:ignored',
      message: `${path} ${why} and was left out`,
      details: { key: path },
    })
  }

  #take(key: string): unknown {
    this.#taken.add(key)
    return Object.hasOwn(this.#table, key) ? this.#table[key] : undefined
  }
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}
