import { BootcError } from '@bootc-sdk/core'
import type { ObjectId } from '../format/types.js'

export function noObject(object: ObjectId): BootcError<'STORE_COMPOSEFS_NO_OBJECT'> {
  return new BootcError('STORE_COMPOSEFS_NO_OBJECT', `object ${object} is missing`, { details: { object } })
}

export function corruptObject(
  object: string,
  reason: string,
  cause?: unknown,
): BootcError<'STORE_COMPOSEFS_CORRUPT'> {
  return new BootcError('STORE_COMPOSEFS_CORRUPT', `object ${object} is damaged: ${reason}`, {
    details: { object, reason },
    cause,
  })
}

export function verityError(
  what: string,
  reason: string,
  cause?: unknown,
): BootcError<'STORE_COMPOSEFS_VERITY'> {
  return new BootcError('STORE_COMPOSEFS_VERITY', `${what}: ${reason}`, { details: { what, reason }, cause })
}

export function brokenRef(ref: string, reason: string): BootcError<'STORE_COMPOSEFS_BROKEN_REF'> {
  return new BootcError('STORE_COMPOSEFS_BROKEN_REF', `${ref}: ${reason}`, { details: { ref, reason } })
}

export function readOnly(reason: string, cause?: unknown): BootcError<'STORE_COMPOSEFS_READ_ONLY'> {
  return new BootcError('STORE_COMPOSEFS_READ_ONLY', `repository cannot be written: ${reason}`, {
    details: { reason },
    cause,
  })
}

/** ENOSPC and EDQUOT, however deep in the chain of causes, become `STORE_NO_SPACE`; the rest passes. */
export function mapWriteError(error: unknown, needBytes: number): unknown {
  for (let at = error, depth = 0; at !== undefined && depth < 8; depth++) {
    if (typeof at !== 'object' || at === null) break
    const { code } = at as { code?: unknown }
    if (code === 'STORE_NO_SPACE') return error
    if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'TREE_NO_SPACE') {
      return new BootcError('STORE_NO_SPACE', `no space left for ${needBytes} bytes of the repository`, {
        details: { needBytes, freeBytes: 0 },
        cause: error,
      })
    }
    at = (at as { cause?: unknown }).cause
  }
  return error
}
