import { isUtf8Name } from '@bootc-sdk/core/names'
import { tarPath } from './errors.js'

/** Top-level directories that the running system mounts over: kept empty. */
const apiDirectories: ReadonlySet<string> = new Set(['run', 'tmp', 'proc', 'sys', 'dev'])

/** PATH_MAX and NAME_MAX of Linux, in bytes: nothing longer could ever be checked out. */
const maxPathBytes = 4095
const maxNameBytes = 255

/** Where an entry of a derived layer goes, or under which name its loss is counted. */
export type PlacedPath = { readonly parts: readonly string[] } | { readonly dropped: string }

/**
 * Split a path into components; empty ones and `.` vanish.
 *
 * @throws BootcError `IMAGE_TAR_PATH` for `..`, NUL, bytes that are not UTF-8, and what no file system can hold
 */
export function splitEntryPath(path: string): string[] {
  if (!isUtf8Name(path)) throw tarPath(path, 'name is not UTF-8')
  if (path.includes('\0')) throw tarPath(path, 'name holds a NUL byte')
  if (isLonger(path, maxPathBytes)) throw tarPath(path, `path is longer than ${maxPathBytes} bytes`)
  const parts = path.split('/')
  let kept = 0
  for (const part of parts) {
    if (part === '' || part === '.') continue
    if (part === '..') throw tarPath(path, 'path leads out through ".."')
    if (isLonger(part, maxNameBytes)) throw tarPath(path, `name is longer than ${maxNameBytes} bytes`)
    parts[kept++] = part
  }
  parts.length = kept
  return parts
}

/**
 * Decide about an entry by its path: /etc becomes /usr/etc, children of API directories are dropped, and so is
 * everything outside /usr, /etc and /var when the base image cannot hold it.
 *
 * @param parts as `splitEntryPath` gives them; may be changed
 * @see bootc 1.16.9, ostree-ext tar/write.rs, normalize_validate_path
 */
export function placeEntry(parts: string[], allowNonUsr: boolean): PlacedPath {
  const first = parts[0]
  if (first === undefined || first === 'usr' || first === 'var') return { parts }
  if (first === 'etc') {
    parts.unshift('usr')
    return { parts }
  }
  if (apiDirectories.has(first)) return parts.length === 1 ? { parts } : { dropped: parts[1]! }
  return allowNonUsr ? { parts } : { dropped: first }
}

/** Components of a hard link's target; /etc becomes /usr/etc, nothing else is translated. */
export function placeLinkTarget(target: string): string[] {
  const parts = splitEntryPath(target)
  if (parts[0] === 'etc') parts.unshift('usr')
  return parts
}

function isLonger(text: string, bytes: number): boolean {
  return text.length * 3 > bytes && Buffer.byteLength(text) > bytes
}
