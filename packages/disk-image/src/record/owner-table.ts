import type { SpecialNode, Xattr } from '@bootc-sdk/core'
import { decodeName, encodeName, isUtf8Name } from '@bootc-sdk/core/names'
import { badOwners } from '../errors.js'

/** What an entry should have, and what a caller without root could not give it. */
export interface OwnerRecord {
  readonly uid: number
  readonly gid: number
  /** 0o7777; on disk the file may have another one. */
  readonly mode: number
  /** All of them, sorted by name. */
  readonly xattrs: readonly Xattr[]
  readonly immutable: boolean
  /** On disk it is an empty file. */
  readonly node?: SpecialNode
}

/** By path below the directory, `''` for itself. Entries that are not there belong to root and are as on disk. */
export type OwnerTable = ReadonlyMap<string, OwnerRecord>

const head = '{"bootc-sdk-owners":1}'

/**
 * The table as text: a line that says what it is, then a JSON array for each entry: path, uid, gid, mode in octal,
 * immutable as 0 or 1, an object of attributes with values in base64, and of a device or pipe its type and numbers. Names that are not UTF-8 are written as base64 in
 * an array of one.
 */
export function printOwners(table: OwnerTable): string {
  const lines = [head]
  for (const path of [...table.keys()].sort()) {
    const { uid, gid, mode, xattrs, immutable, node } = table.get(path)!
    const values = Object.fromEntries(
      xattrs.map(({ name, value }) => [name, Buffer.from(value).toString('base64')]),
    )
    const row: unknown[] = [printName(path), uid, gid, mode.toString(8), immutable ? 1 : 0, values]
    if (node !== undefined) row.push([node.type, node.major, node.minor])
    lines.push(JSON.stringify(row))
  }
  return `${lines.join('\n')}\n`
}

/** @throws BootcError `SYSROOT_OWNERS_INVALID` */
export function parseOwners(text: string): Map<string, OwnerRecord> {
  const lines = text.split('\n')
  if (lines[0] !== head) throw badOwners(1, 'is no record of owners, or of another version')
  if (lines.at(-1) !== '') throw badOwners(lines.length, 'is cut off')
  const table = new Map<string, OwnerRecord>()
  lines.slice(1, -1).forEach((line, index) => {
    const [path, record] = parseRow(line, index + 2)
    if (table.has(path)) throw badOwners(index + 2, `has ${JSON.stringify(path)} again`)
    table.set(path, record)
  })
  return table
}

function parseRow(line: string, number: number): [string, OwnerRecord] {
  const row = parseJson(line, number)
  if (!Array.isArray(row) || (row.length !== 6 && row.length !== 7)) {
    throw badOwners(number, 'is no array of six or seven')
  }
  const [name, uid, gid, mode, immutable, values, node] = row as unknown[]
  if (!isId(uid) || !isId(gid)) throw badOwners(number, 'has no owner')
  if (typeof mode !== 'string' || !/^[0-7]{1,4}$/.test(mode)) throw badOwners(number, 'has no mode')
  if (immutable !== 0 && immutable !== 1) throw badOwners(number, 'does not say whether it is immutable')
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    throw badOwners(number, 'has no attributes')
  }
  const xattrs = Object.entries(values).map(([key, value]): Xattr => {
    if (typeof value !== 'string') throw badOwners(number, `has no value of ${key}`)
    return { name: key, value: Buffer.from(value, 'base64') }
  })
  const record = { uid, gid, mode: parseInt(mode, 8), xattrs: sortXattrs(xattrs), immutable: immutable === 1 }
  return [parseName(name, number), row.length === 6 ? record : { ...record, node: parseNode(node, number) }]
}

const nodeTypes = ['char', 'block', 'fifo'] as const

function parseNode(node: unknown, line: number): SpecialNode {
  const [name, major, minor] = (Array.isArray(node) && node.length === 3 ? node : []) as unknown[]
  const type = nodeTypes.find((each) => each === name)
  if (type === undefined || !isId(major) || !isId(minor)) throw badOwners(line, 'has no device')
  return { type, major, minor }
}

function parseJson(line: string, number: number): unknown {
  try {
    return JSON.parse(line)
  } catch {
    throw badOwners(number, 'is no JSON')
  }
}

function isId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffffffff
}

function printName(path: string): string | [string] {
  return isUtf8Name(path) ? path : [encodeName(path).toString('base64')]
}

function parseName(name: unknown, number: number): string {
  if (typeof name === 'string') return name
  if (Array.isArray(name) && name.length === 1 && typeof name[0] === 'string') {
    return decodeName(Buffer.from(name[0], 'base64'))
  }
  throw badOwners(number, 'has no path')
}

export function sortXattrs(xattrs: readonly Xattr[]): Xattr[] {
  return [...xattrs].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}
