import { BootcError } from '@bootc-sdk/core'

export function noObject(object: string, cause?: unknown): BootcError<'STORE_OSTREE_NO_OBJECT'> {
  return new BootcError('STORE_OSTREE_NO_OBJECT', `object ${object} is missing`, {
    details: { object },
    cause,
  })
}

export function noSpace(needBytes: number, freeBytes: number, cause?: unknown): BootcError<'STORE_NO_SPACE'> {
  return new BootcError(
    'STORE_NO_SPACE',
    `repository needs ${needBytes} bytes, ${Math.max(0, freeBytes)} are free beyond its reserve`,
    { details: { needBytes, freeBytes: Math.max(0, freeBytes) }, cause },
  )
}

/** ENOSPC and EDQUOT, however deep in the chain of causes, become `STORE_NO_SPACE`; the rest passes. */
export function mapWriteError(error: unknown, needBytes: number): unknown {
  for (let at = error, depth = 0; at !== undefined && depth < 8; depth++) {
    if (typeof at !== 'object' || at === null) break
    const { code } = at as { code?: unknown }
    if (code === 'STORE_NO_SPACE') return error
    if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'TREE_NO_SPACE')
      return noSpace(needBytes, 0, error)
    at = (at as { cause?: unknown }).cause
  }
  return error
}
