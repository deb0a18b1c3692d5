import { BootcError, type Dir } from '@bootc-sdk/core'
import { baseName, joinPath, parentPath } from '@bootc-sdk/core/names'
import type { LabelPath } from './layer-tree.js'
import { labelled } from './labelled.js'

/** A store's directory, and the SELinux contexts of what is in it. */
export interface Storage {
  readonly dir: Dir
  readonly label: LabelPath
}

/** An image or layer as podman writes it; members that we do not know stay. */
export type StorageRecord = Readonly<Record<string, unknown>> & { readonly id: string }

/** Stores of build machines hold some thousand images. */
export const maxRecordsBytes = 256 * 1024 * 1024

/** @throws BootcError `IMAGE_LAYOUT_INVALID` */
export async function readRecords(dir: Dir, path: string): Promise<StorageRecord[]> {
  const stat = await dir.stat(path)
  if (stat === undefined) return []
  if (stat.type !== 'file' || stat.sizeBytes > maxRecordsBytes) {
    throw damaged(path, `is a ${stat.type} of ${stat.sizeBytes} bytes`)
  }
  if (stat.sizeBytes === 0) return []
  const chunks: Uint8Array[] = []
  for await (const chunk of dir.read(path)) chunks.push(chunk)
  let value: unknown
  try {
    value = JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch (cause) {
    throw damaged(path, 'is not JSON', cause)
  }
  // An empty list of Go is null.
  if (value === null) return []
  if (!Array.isArray(value)) throw damaged(path, 'is no list')
  for (const record of value as unknown[])
    if (!isRecord(record)) throw damaged(path, 'holds something without an id')
  return value as StorageRecord[]
}

/** Replace a list: on disk before it takes the name, so that a power cut leaves the old one or the new one. */
export async function writeRecords(
  { dir, label }: Storage,
  path: string,
  records: readonly StorageRecord[],
): Promise<void> {
  const temporary = joinPath(parentPath(path), `.tmp-bootc-sdk-${baseName(path)}`)
  await dir.remove(temporary)
  const meta = { mode: 0o600, ...labelled(label, path, 0o100000) }
  await dir.write(temporary, Buffer.from(JSON.stringify(records)), { ...meta, atomic: false })
  await dir.sync()
  await dir.rename(temporary, path)
  await dir.sync()
}

/** Strings of a member that is a list; empty where it is none. */
export function stringsOf(record: StorageRecord, key: string): string[] {
  const value = record[key]
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : []
}

export function stringOf(record: StorageRecord, key: string): string | undefined {
  const value = record[key]
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** A member that is a table; empty where it is none. */
export function tableOf(record: StorageRecord, key: string): Readonly<Record<string, unknown>> {
  const value = record[key]
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
}

/** Podman has been interrupted in a layer that says so. */
export function isComplete(layer: StorageRecord): boolean {
  return tableOf(layer, 'flags')['incomplete'] !== true
}

function isRecord(value: unknown): value is StorageRecord {
  const id = typeof value === 'object' && value !== null ? (value as { id?: unknown }).id : undefined
  return typeof id === 'string' && /^[0-9a-f]{64}$/.test(id)
}

export function damaged(path: string, problem: string, cause?: unknown): BootcError {
  return new BootcError('IMAGE_LAYOUT_INVALID', `${path} ${problem}`, { details: { path }, cause })
}
