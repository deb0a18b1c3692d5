import { BootcError, isBootcError } from '../errors.js'

/** What an error should name. */
export interface Whereabouts {
  /** `host[:port]` that was asked. */
  readonly host?: string
  /** As it was asked for. */
  readonly reference?: string
  /** Of the blob that was being read. */
  readonly digest?: string
}

/** The same error, naming host, reference and digest where it did not yet. Others pass unchanged. */
export function located(error: unknown, where: Whereabouts): unknown {
  if (!isBootcError(error)) return error
  const known = error.details as Readonly<Record<string, unknown>>
  const missing = Object.entries(where).filter(([name]) => known[name] === undefined)
  if (missing.length === 0) return error
  const place = where.host ?? where.reference ?? ''
  const message = error.message.includes(place) ? error.message : `${error.message} (from ${place})`
  return new BootcError(error.code, message, {
    details: { ...known, ...Object.fromEntries(missing) },
    cause: error.cause,
  })
}
