import { BootcError } from '@bootc-sdk/core'

declare module '@bootc-sdk/core' {
  interface ErrorDetails {
    /** An object that is named but not here. */
    STORE_OSTREE_NO_OBJECT: { object: string }
    /** Bytes that are not what they should be: wrong hash, not in normal form, lying sizes. */
    STORE_OSTREE_CORRUPT: { object: string; reason: string }
    /** A value that no OSTree object can hold: names, modes, file types, sizes. */
    STORE_OSTREE_INVALID: { what: string; reason: string }
    STORE_OSTREE_NOT_A_REPO: { reason: string }
    STORE_OSTREE_NO_REV: { rev: string }
    STORE_OSTREE_AMBIGUOUS_REV: { rev: string; matches: number }
    /** Some objects of the commit were never fetched. */
    STORE_OSTREE_PARTIAL: { commit: string }
    STORE_OSTREE_LOCKED: { path: string; timeoutMs: number }
    /** The directory or the mode cannot do it. */
    STORE_OSTREE_UNSUPPORTED: { what: string; reason: string }
    STORE_OSTREE_TRANSACTION_DONE: Record<string, never>
    /** Something in the way of a checkout. */
    STORE_OSTREE_CHECKOUT_EXISTS: { path: string }
    /** A remote that is unknown, misconfigured or asks for a check that is not built in. */
    STORE_OSTREE_REMOTE: { remote: string; reason: string }
    /** A pulled commit is not bound to the ref it was asked for. */
    STORE_OSTREE_BINDING: { commit: string; ref: string }
    STORE_OSTREE_FETCH: { url: string; status?: number; reason: string }
  }
}

/** @param object checksum and suffix, or what else names the bytes */
export function corrupt(object: string, reason: string, cause?: unknown): BootcError<'STORE_OSTREE_CORRUPT'> {
  return new BootcError('STORE_OSTREE_CORRUPT', `${object} is corrupt: ${reason}`, {
    details: { object, reason },
    cause,
  })
}

export function invalid(what: string, reason: string): BootcError<'STORE_OSTREE_INVALID'> {
  return new BootcError('STORE_OSTREE_INVALID', `${what}: ${reason}`, { details: { what, reason } })
}

export function unsupported(
  what: string,
  reason: string,
  cause?: unknown,
): BootcError<'STORE_OSTREE_UNSUPPORTED'> {
  return new BootcError('STORE_OSTREE_UNSUPPORTED', `${what}: ${reason}`, {
    details: { what, reason },
    cause,
  })
}
