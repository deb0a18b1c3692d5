import { setTimeout as sleep } from 'node:timers/promises'
import { isBootcError } from '../errors.js'

/** Faults of a transport that will not go away by asking again. */
const lasting = new Set([
  'TRANSPORT_UNAUTHORIZED',
  'TRANSPORT_DENIED',
  'TRANSPORT_NOT_FOUND',
  'TRANSPORT_TLS',
  // The registry was asked five times already, at the pace it wanted.
  'TRANSPORT_RATE_LIMITED',
  'TRANSPORT_BLOCKED',
  'TRANSPORT_CONFIG_INVALID',
  'TRANSPORT_UNSUPPORTED',
])

/** Whether an error, or what it wraps, is a passing fault of the transport. */
export function isTransportFault(error: unknown): boolean {
  for (let cause: unknown = error, depth = 0; depth < 8 && cause instanceof Error; depth++) {
    if (isBootcError(cause) && cause.code.startsWith('TRANSPORT_')) return !lasting.has(cause.code)
    cause = cause.cause
  }
  return false
}

export interface RetryOptions {
  /** Tries altogether, at least 1. */
  readonly attempts: number
  /** First wait in milliseconds, doubled each time. */
  readonly waitMs: number
  readonly signal?: AbortSignal | undefined
  /** Other failures that are worth another try. */
  readonly alsoPassing?: (error: unknown) => boolean
  readonly onRetry: (retry: { attempt: number; waitMs: number; error: unknown }) => void
}

/** Try again while the transport fails in a passing way. */
export async function withRetry(run: () => Promise<void>, options: RetryOptions): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run()
    } catch (error) {
      options.signal?.throwIfAborted()
      const isPassing = isTransportFault(error) || options.alsoPassing?.(error) === true
      if (attempt >= options.attempts || !isPassing) throw error
      const waitMs = options.waitMs * 2 ** (attempt - 1)
      options.onRetry({ attempt, waitMs, error })
      await waitFor(waitMs, options.signal)
    }
  }
}

async function waitFor(waitMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(waitMs, undefined, signal === undefined ? {} : { signal })
  } catch (error) {
    // Node rejects with an AbortError of its own; callers expect the reason they gave.
    signal?.throwIfAborted()
    throw error
  }
}
