import type { Xattr } from '@bootc-sdk/core'
import { encodeName } from '@bootc-sdk/core/names'
import { selinuxXattr } from '../labels.js'
import { newHeader, padding, paxEntry, sealed, setPath, type HeaderFields } from './tar-header.js'

/** A directory or an empty file. */
export function plainEntry(path: string, fields: HeaderFields): Buffer[] {
  const header = newHeader(fields)
  return [...setPath(header, path), sealed(header)]
}

/** A file of root's with mode 0644: objects that are not content, and the repository's configuration. */
export function dataEntry(path: string, data: Uint8Array): Buffer[] {
  const fields = { type: 'file', uid: 0, gid: 0, mode: 0o644, sizeBytes: data.length } as const
  return [...plainEntry(path, fields), Buffer.from(data), padding(data.length)]
}

/**
 * Attributes for whatever unpacks the layer as it stands. The context of SELinux is left out: it would mean nothing
 * in a container.
 */
export function xattrsEntry(xattrs: readonly Xattr[]): Buffer[] {
  const shown = xattrs.filter(({ name }) => name !== selinuxXattr)
  return paxEntry(shown.map(({ name, value }) => [encodeName(`SCHILY.xattr.${name}`), value]))
}

/** Where a commit's path is in a container: /usr/etc is /etc there. */
export function containerPath(path: string): string {
  return path === 'usr/etc' || path.startsWith('usr/etc/') ? path.slice('usr/'.length) : path
}
