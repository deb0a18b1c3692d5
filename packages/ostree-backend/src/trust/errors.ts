import { BootcError } from '@bootc-sdk/core'

declare module '@bootc-sdk/core' {
  interface ErrorDetails {
    /** Something lacks a good signature by a key that counts. */
    STORE_OSTREE_SIGNATURE: { object: string; reason: string; remote?: string }
    /** A key that cannot be used: not there, wrong length, wrong encoding. Never holds the key itself. */
    STORE_OSTREE_KEY: { key: string; reason: string }
  }
}

/** @param object commit checksum, or what else was signed */
export function badSignature(
  object: string,
  reason: string,
  remote?: string,
): BootcError<'STORE_OSTREE_SIGNATURE'> {
  const by = remote === undefined ? '' : ` for remote ${remote}`
  return new BootcError('STORE_OSTREE_SIGNATURE', `${object} is not verified${by}: ${reason}`, {
    details: { object, reason, ...(remote === undefined ? {} : { remote }) },
  })
}

/** @param key where it comes from */
export function badKey(key: string, reason: string, cause?: unknown): BootcError<'STORE_OSTREE_KEY'> {
  return new BootcError('STORE_OSTREE_KEY', `key of ${key}: ${reason}`, { details: { key, reason }, cause })
}
