import { BootcError, type ErrorCode } from '../errors.js'

/** errno names and what they mean for a tree; what is not here is `TREE_IO`. */
const codes: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'TREE_NOT_FOUND',
  EEXIST: 'TREE_EXISTS',
  ENOTDIR: 'TREE_NOT_DIRECTORY',
  EISDIR: 'TREE_NOT_FILE',
  ENOTEMPTY: 'TREE_NOT_EMPTY',
  ENOSPC: 'TREE_NO_SPACE',
  EDQUOT: 'TREE_NO_SPACE',
  EROFS: 'TREE_READ_ONLY',
  EACCES: 'TREE_PERMISSION',
  EPERM: 'TREE_PERMISSION',
  ELOOP: 'TREE_ESCAPE',
  EXDEV: 'TREE_CROSS_DEVICE',
  EMLINK: 'TREE_TOO_MANY_LINKS',
  ENAMETOOLONG: 'TREE_INVALID_PATH',
  EOPNOTSUPP: 'TREE_UNSUPPORTED',
  ENOTSUP: 'TREE_UNSUPPORTED',
  ENOSYS: 'TREE_UNSUPPORTED',
  ENOTTY: 'TREE_UNSUPPORTED',
}

const problems: Readonly<Record<string, string>> = {
  TREE_NOT_FOUND: 'does not exist',
  TREE_EXISTS: 'exists already',
  TREE_NOT_DIRECTORY: 'is not a directory',
  TREE_NOT_FILE: 'is not a regular file',
  TREE_NOT_EMPTY: 'is not empty',
  TREE_NO_SPACE: 'does not fit: no space left',
  TREE_READ_ONLY: 'is on a read-only file system',
  TREE_PERMISSION: 'may not be accessed like this',
  TREE_ESCAPE: 'goes through a symbolic link',
  TREE_CROSS_DEVICE: 'is on another file system',
  TREE_TOO_MANY_LINKS: 'has too many hard links',
  TREE_INVALID_PATH: 'is too long',
  TREE_UNSUPPORTED: 'needs what the file system does not offer',
}

/** An error of a tree about one path. */
export function treeError(
  code: ErrorCode,
  path: string,
  options: { problem?: string; cause?: unknown } = {},
) {
  const shown = JSON.stringify(path === '' ? '.' : path.length > 200 ? `${path.slice(0, 200)}…` : path)
  const problem = options.problem ?? problems[code] ?? 'cannot be accessed'
  return new BootcError(code, `${shown} ${problem}`, { details: { path }, cause: options.cause })
}

/** Wrap an error of Node's fs or of the addon; errors of ours and aborts pass as they are. */
export function fromErrno(error: unknown, path: string): unknown {
  const errno = errnoOf(error)
  if (errno === undefined) return error
  const code = codes[errno]
  if (code !== undefined) return treeError(code, path, { cause: error })
  return treeError('TREE_IO', path, { problem: `could not be accessed (${errno})`, cause: error })
}

/** `ENOENT` and the like; undefined for anything that is not a failed system call. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('errno' in error)) return undefined
  return typeof error.code === 'string' && /^E[A-Z0-9]+$/.test(error.code) ? error.code : undefined
}
