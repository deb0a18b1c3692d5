import { isUtf8Name } from '@bootc-sdk/core/names'
import { invalid } from './errors.js'

const fragment = '[\\p{L}\\p{N}_][-._\\p{L}\\p{N}]*'
const refPattern = new RegExp(`^${fragment}(?:/${fragment})*$`, 'u')
const remotePattern = new RegExp(`^${fragment}$`, 'u')
const collectionPattern = /^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)+$/

/** `a/b-c/d.e`: fragments of letters, digits and `_`, with `-` and `.` after the first character. */
export function isRef(ref: string): boolean {
  return ref.length <= 4096 && refPattern.test(ref)
}

export function isRemoteName(name: string): boolean {
  return name.length <= 255 && remotePattern.test(name)
}

/** Like a D-Bus interface name: at least two dotted elements, at most 255 bytes. */
export function isCollectionId(id: string): boolean {
  return id.length <= 255 && collectionPattern.test(id)
}

/**
 * Split `[remote:]ref`.
 *
 * @throws BootcError `STORE_OSTREE_INVALID`
 */
export function parseRefspec(refspec: string): { readonly remote?: string; readonly ref: string } {
  const colon = refspec.indexOf(':')
  const ref = refspec.slice(colon + 1)
  if (!isRef(ref)) throw invalid(`refspec ${JSON.stringify(refspec.slice(0, 200))}`, 'not a ref name')
  if (colon < 0) return { ref }
  const remote = refspec.slice(0, colon)
  if (!isRemoteName(remote))
    throw invalid(`refspec ${JSON.stringify(refspec.slice(0, 200))}`, 'not a remote name')
  return { remote, ref }
}

/** Why a name cannot stand in a dirtree; undefined when it can. */
export function fileNameProblem(name: string): string | undefined {
  if (name === '' || name === '.' || name === '..') return 'not a file name'
  if (name.includes('/') || name.includes('\0')) return 'holds a slash or a NUL'
  return isUtf8Name(name) ? undefined : 'not UTF-8'
}
