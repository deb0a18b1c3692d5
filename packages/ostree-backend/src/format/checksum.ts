import { hash } from 'node:crypto'
import type { ObjectType, RepoMode } from '../repo/api.js'
import { invalid } from './errors.js'

/** OSTREE_MAX_METADATA_SIZE: no commit, dirtree, dirmeta or summary is larger, in bytes. */
export const maxMetadataBytes = 128 * 1024 * 1024

const pattern = /^[0-9a-f]{64}$/

/** 64 lower-case hex digits. */
export function isChecksum(text: string): boolean {
  return pattern.test(text)
}

/** @throws BootcError `STORE_OSTREE_INVALID` */
export function assertChecksum(text: string): void {
  if (!pattern.test(text)) throw invalid(`checksum ${JSON.stringify(text.slice(0, 80))}`, 'not 64 hex digits')
}

export function checksumBytes(text: string): Buffer {
  assertChecksum(text)
  return Buffer.from(text, 'hex')
}

/** SHA-256 in hex. */
export function sha256Hex(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex')
}

/** What `ostree show` calls ContentChecksum: equal for equal trees whatever the commit says about them. */
export function contentChecksum(rootTree: string, rootMeta: string): string {
  return sha256Hex(Buffer.concat([checksumBytes(rootTree), checksumBytes(rootMeta)]))
}

/** File name suffix of a type of object in a mode, with the dot. */
export function objectSuffix(type: ObjectType, mode: RepoMode): string {
  return type === 'file' ? (mode === 'archive' ? '.filez' : '.file') : `.${type}`
}

/** `XX/REST.suffix`, relative to `objects/`. */
export function objectName(type: ObjectType, checksum: string, mode: RepoMode): string {
  return `${checksum.slice(0, 2)}/${checksum.slice(2)}${objectSuffix(type, mode)}`
}

const types: ReadonlyMap<string, ObjectType> = new Map<string, ObjectType>([
  ['.file', 'file'],
  ['.filez', 'file'],
  ['.commit', 'commit'],
  ['.dirtree', 'dirtree'],
  ['.dirmeta', 'dirmeta'],
  ['.commitmeta', 'commitmeta'],
  ['.tombstone-commit', 'tombstone-commit'],
])

/**
 * What a file below `objects/XX/` is; undefined for names that are no object of this mode (they are left
 * alone, as libostree does).
 */
export function parseObjectName(
  prefix: string,
  name: string,
  mode: RepoMode,
): { readonly type: ObjectType; readonly checksum: string } | undefined {
  const checksum = prefix + name.slice(0, 62)
  const type = types.get(name.slice(62))
  if (type === undefined || !pattern.test(checksum)) return undefined
  if (type === 'file' && name.slice(62) !== objectSuffix('file', mode)) return undefined
  return { type, checksum }
}
