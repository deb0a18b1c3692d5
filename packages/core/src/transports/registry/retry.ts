import { setTimeout as delay } from 'node:timers/promises'
import { BootcError } from '../../errors.js'
import { singleHeader } from './http.js'
import type { HttpResponse } from './http.js'
import { isRetryable } from './network-error.js'

/** What waiting needs, replaced in tests. */
export interface Timing {
  /** Milliseconds since the epoch. */
  now(): number
  /** Rejects with `signal.reason` when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** In [0, 1). */
  random(): number
}

export const systemTiming: Timing = {
  now: Date.now,
  random: Math.random,
  async sleep(ms, signal) {
    try {
      await delay(ms, undefined, signal ? { signal } : {})
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    }
  },
}

/** Called before each wait. */
export type OnRetry = (event: {
  readonly attempt: number
  readonly waitMs: number
  readonly reason: string
}) => void

const RATE_LIMIT_ATTEMPTS = 5
const MAX_WAIT_MS = 60_000

/**
 * Repeat a request while the server asks to slow down: 429, and 503 with `Retry-After`. Five attempts; waits
 * what the header says, else 2, 4, 8 … seconds, at most a minute each.
 *
 * @returns the last response, which may still be such a refusal
 */
export async function whileRateLimited<R extends HttpResponse>(
  send: () => Promise<R>,
  timing: Timing,
  options: { readonly signal?: AbortSignal | undefined; readonly onRetry?: OnRetry | undefined } = {},
): Promise<{ readonly response: R; readonly attempts: number }> {
  for (let attempt = 1; ; attempt++) {
    const response = await send()
    const limited = response.status === 429 || (response.status === 503 && 'retry-after' in response.headers)
    if (!limited || attempt === RATE_LIMIT_ATTEMPTS) return { response, attempts: attempt }
    await response.discard()
    const asked = parseRetryAfter(singleHeader(response, 'retry-after'), timing.now())
    const waitMs = Math.min(asked ?? 1000 * 2 ** attempt, MAX_WAIT_MS)
    options.onRetry?.({ attempt, waitMs, reason: `status ${response.status}` })
    await timing.sleep(waitMs, options.signal)
  }
}

/**
 * Repeat what failed for a passing reason: `retries` more times, after 1, 2, 4 … seconds plus up to 10 %.
 * The last error says how many attempts there were.
 */
export async function withRetries<T>(
  work: () => Promise<T>,
  retries: number,
  timing: Timing,
  options: { readonly signal?: AbortSignal | undefined; readonly onRetry?: OnRetry | undefined } = {},
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (!isRetryable(error)) throw error
      if (attempt > retries) throw attempt === 1 ? error : withAttempts(error as BootcError, attempt)
      const waitMs = Math.min(1000 * 2 ** (attempt - 1), MAX_WAIT_MS) * (1 + timing.random() / 10)
      options.onRetry?.({ attempt, waitMs, reason: (error as BootcError).message })
      await timing.sleep(waitMs, options.signal)
    }
  }
}

/** Seconds or an HTTP date, in milliseconds from now; undefined when absent, past or malformed. */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined
  if (/^[0-9]{1,9}$/.test(value.trim())) {
    const ms = Number(value) * 1000
    return ms > 0 ? ms : undefined
  }
  const ms = Date.parse(value) - nowMs
  return ms > 0 ? ms : undefined
}

function withAttempts(error: BootcError, attempts: number): BootcError {
  return new BootcError(error.code, `${error.message} (${attempts} attempts)`, {
    details: { ...error.details, attempts },
    cause: error.cause,
  })
}
