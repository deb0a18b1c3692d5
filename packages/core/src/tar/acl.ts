import type { TarEntry } from './types.js'

/** Permissions (0–7) that an access ACL gives to owner, group and others; absent where it has no such entry. */
export interface TarAcl {
  readonly owner?: number
  readonly group?: number
  readonly other?: number
}

/** Owner, group and others have an empty qualifier; star writes numeric ids as a fourth field. */
const entryPattern = /^(?:u|user|g|group|o|other)::([rwx-]{1,3})(?::[0-9]+)?$/

/**
 * The entries of `SCHILY.acl.access` that are permission bits: `user::rwx,group::r-x,other::r--`. Entries for
 * named users and groups and the mask are passed over; undefined when there is no such record.
 */
export function tarAcl(entry: Pick<TarEntry, 'pax'>): TarAcl | undefined {
  const value = entry.pax.get('SCHILY.acl.access')
  if (value === undefined) return undefined
  const acl: { owner?: number; group?: number; other?: number } = {}
  const text = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1')
  for (const item of text.split(/[,\n]/)) {
    const match = entryPattern.exec(item)
    if (match === null) continue
    const bits = permissions(match[1]!)
    if (item.startsWith('u')) acl.owner = bits
    else if (item.startsWith('g')) acl.group = bits
    else acl.other = bits
  }
  return acl
}

/**
 * The mode that a reader like libarchive gives a member: its own bits, overwritten by those of an access ACL.
 * The ACL's mask plays no part.
 */
export function tarMode(entry: Pick<TarEntry, 'mode' | 'pax'>): number {
  if (entry.pax.size === 0) return entry.mode
  const acl = tarAcl(entry)
  if (acl === undefined) return entry.mode
  let { mode } = entry
  if (acl.owner !== undefined) mode = (mode & ~0o700) | (acl.owner << 6)
  if (acl.group !== undefined) mode = (mode & ~0o070) | (acl.group << 3)
  if (acl.other !== undefined) mode = (mode & ~0o007) | acl.other
  return mode
}

function permissions(text: string): number {
  return (text.includes('r') ? 4 : 0) | (text.includes('w') ? 2 : 0) | (text.includes('x') ? 1 : 0)
}
