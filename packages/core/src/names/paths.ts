import { BootcError } from '../errors.js'

/** PATH_MAX of Linux, in bytes, the final NUL not counted. */
export const maxPathBytes = 4096

/**
 * A path as `ReadTree` wants it: relative, without empty and `.` components, no trailing `/`; `''` is the root.
 *
 * @throws BootcError `TREE_INVALID_PATH` for absolute paths, `..`, NUL and more than 4096 bytes
 */
export function normalizePath(path: string): string {
  if (path === '') return path
  if (path.charCodeAt(0) === 0x2f) throw invalidPath(path, 'is absolute')
  if (path.includes('\0')) throw invalidPath(path, 'holds a NUL byte')
  if (path.length * 3 > maxPathBytes && Buffer.byteLength(path) > maxPathBytes) {
    throw invalidPath(path, `is longer than ${maxPathBytes} bytes`)
  }
  if (isPlain(path)) return path
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) throw invalidPath(path, 'leads out through ".."')
  return parts.join('/')
}

/** Join relative paths; empty parts vanish. Does not resolve `..`: use `normalizePath` on untrusted input. */
export function joinPath(...parts: readonly string[]): string {
  let out = ''
  for (const part of parts) {
    if (part === '') continue
    out = out === '' ? part : `${out}/${part}`
  }
  return out
}

/** Directory that holds an entry: `''` for entries of the root, and for the root itself. */
export function parentPath(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash < 0 ? '' : path.slice(0, slash)
}

/** Last component; `''` for the root. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** True when no component is empty or starts with a dot, hence nothing is to be done. */
function isPlain(path: string): boolean {
  return !path.startsWith('.') && !path.includes('/.') && !path.includes('//') && !path.endsWith('/')
}

function invalidPath(path: string, problem: string): BootcError {
  const shown = path.length > 200 ? `${path.slice(0, 200)}…` : path
  return new BootcError('TREE_INVALID_PATH', `path ${JSON.stringify(shown)} ${problem}`, {
    details: { path },
  })
}
