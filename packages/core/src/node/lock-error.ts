import { BootcError } from '../errors.js'

/** Somebody else holds a lock. */
export function lockedError(path: string, timeoutMs: number): BootcError<'TREE_LOCKED'> {
  const shown = JSON.stringify(path === '' ? '.' : path)
  const waited = timeoutMs > 0 ? ` after ${timeoutMs} ms` : ''
  return new BootcError('TREE_LOCKED', `${shown} is locked by another process${waited}`, {
    details: { path, timeoutMs },
  })
}
