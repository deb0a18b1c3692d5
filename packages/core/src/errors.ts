/**
 * Facts by error code. A backend adds codes by declaration merging, under its own prefix:
 * `declare module '@bootc-sdk/core' { interface ErrorDetails { STORE_OSTREE_LOCKED: { path: string } } }`.
 * Codes without an entry here take any record.
 */
export interface ErrorDetails {
  BOOT_NO_SPACE: { needBytes: number; freeBytes: number; volume: string }
  STORE_NO_SPACE: { needBytes: number; freeBytes: number }
  IMAGE_DIGEST_MISMATCH: { expected: string; actual: string }
  IMAGE_SIZE_MISMATCH: { expectedBytes: number; actualBytes: number; digest: string }
  TREE_ESCAPE: { path: string }
  TREE_INVALID_PATH: { path: string }
  TREE_NOT_FOUND: { path: string }
  TREE_EXISTS: { path: string }
  TREE_LOCKED: { path: string; timeoutMs: number }
}

type Family = 'TRANSPORT' | 'IMAGE' | 'STORE' | 'TREE' | 'DEPLOY' | 'BOOT' | 'SYSROOT' | 'HOST'
export type ErrorCode = keyof ErrorDetails | `${Family}_${string}`
type DetailsOf<C extends string> = C extends keyof ErrorDetails
  ? ErrorDetails[C]
  : Readonly<Record<string, unknown>>

const brand = Symbol.for('bootc.error')

/** The one error class. Match on `code` through `isBootcError`, never on text or `instanceof`. */
export class BootcError<C extends ErrorCode = ErrorCode> extends Error {
  readonly code: C
  readonly details: DetailsOf<C>
  /** Survives several copies of this module in one process. */
  readonly [brand] = true

  /**
   * @param code closed set, documented row by row in docs/errors.md
   * @param message what was wrong, with the thing's name; no trailing full stop
   * @param options `details`: facts for programs; `cause`: the error that was wrapped
   */
  constructor(code: C, message: string, options: { details?: DetailsOf<C>; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'BootcError'
    this.code = code
    this.details = options.details ?? ({} as DetailsOf<C>)
  }
}

/** True for errors of ours, with this code when one is given. */
export function isBootcError<C extends ErrorCode = ErrorCode>(
  error: unknown,
  code?: C,
): error is BootcError<C> {
  if (typeof error !== 'object' || error === null || !(brand in error)) return false
  return code === undefined || (error as BootcError).code === code
}
