import { lstatSync, openSync, closeSync, readlinkSync, constants } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import type { Xattr } from '@bootc-sdk/core'
import { decodeName } from '@bootc-sdk/core/names'
import { ioConcurrency, mapLimit, type NativeAccess } from '@bootc-sdk/core/store-kit'
import { objectName } from '../format/checksum.js'
import { modeFile, modeSymlink } from '../format/mode.js'
import type { OstreeRepo } from './api.js'
import type { SizedHeader } from './content-reader.js'
import { Repo } from './repo.js'

/** Objects looked at before others get a turn. */
const batch = 1024

/**
 * Headers of many file objects at once. An image has tens of thousands, and a promise for each of some system calls
 * takes several times as long as the calls.
 *
 * @throws BootcError `STORE_OSTREE_NO_OBJECT`, `STORE_OSTREE_CORRUPT`
 */
export async function fileHeaders(
  repo: OstreeRepo,
  checksums: Iterable<string>,
  signal?: AbortSignal,
): Promise<Map<string, SizedHeader>> {
  const headers = new Map<string, SizedHeader>()
  const wanted = [...checksums]
  const native = repo instanceof Repo && repo.mode.startsWith('bare') ? repo.context.native : undefined
  for (let at = 0; at < wanted.length; at += batch) {
    signal?.throwIfAborted()
    const some = wanted.slice(at, at + batch)
    const slow = native === undefined ? some : quickHeaders(repo, native, some, headers)
    const found = await mapLimit(slow, ioConcurrency, (checksum) => repo.fileHeader(checksum))
    slow.forEach((checksum, index) => headers.set(checksum, found[index]!))
    if (slow.length === 0) await turn()
  }
  return headers
}

/** @returns those that take more than a look */
function quickHeaders(
  { mode }: OstreeRepo,
  { addon, repoPath }: NativeAccess,
  checksums: readonly string[],
  headers: Map<string, SizedHeader>,
): string[] {
  if (mode !== 'bare' && mode !== 'bare-user-only') return [...checksums]
  const slow: string[] = []
  const objects = `${repoPath}/objects`
  const fd = openSync(objects, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    for (const checksum of checksums) {
      const name = objectName('file', checksum, mode)
      const stat = lstatSync(`${objects}/${name}`, { throwIfNoEntry: false })
      if (stat === undefined || !(stat.isFile() || stat.isSymbolicLink())) {
        slow.push(checksum)
        continue
      }
      const xattrs = mode === 'bare' ? xattrsAt(addon.sys, fd, name) : []
      const owner = mode === 'bare' ? { uid: stat.uid, gid: stat.gid } : { uid: 0, gid: 0 }
      headers.set(
        checksum,
        stat.isFile()
          ? { ...owner, mode: modeFile | (stat.mode & 0o7777), xattrs, sizeBytes: stat.size }
          : {
              ...{ ...owner, mode: modeSymlink | 0o777, xattrs, sizeBytes: 0 },
              symlinkTarget: decodeName(readlinkSync(`${objects}/${name}`, 'buffer')),
            },
      )
    }
  } finally {
    closeSync(fd)
  }
  return slow
}

function xattrsAt(sys: NativeAccess['addon']['sys'], fd: number, path: string): Xattr[] {
  const out: Xattr[] = []
  for (const name of sys.listxattr(fd, path)) {
    const value = sys.getxattr(fd, path, name)
    if (value !== undefined) out.push({ name: name.toString('utf8'), value })
  }
  return out
}
