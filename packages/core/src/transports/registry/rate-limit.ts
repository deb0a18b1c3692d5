import type { Bytes } from '../../interfaces/common.js'
import type { Timing } from './retry.js'

/** What has not been used is saved up for so long: a machine that is busy elsewhere makes up for it. */
const BURST_MS = 500

/** Bandwidth that several streams share. */
export interface RateLimit {
  /** Resolves when so many bytes may pass. Rejects with `signal.reason`. */
  take(bytes: number, signal?: AbortSignal): Promise<void>
}

/**
 * A token bucket, kept as the time at which it is full enough again: whoever takes bytes moves that time on and
 * waits for it, so that streams take turns by size in the order of asking.
 *
 * @param bytesPerSecond over all streams together, more than 0
 */
export function rateLimit(bytesPerSecond: number, timing: Pick<Timing, 'now' | 'sleep'>): RateLimit {
  if (!(bytesPerSecond > 0)) throw new RangeError(`bandwidth of ${bytesPerSecond} bytes per second`)
  let freeAt = -Infinity
  return {
    async take(bytes, signal) {
      signal?.throwIfAborted()
      const now = timing.now()
      freeAt = Math.max(freeAt, now - BURST_MS) + (bytes / bytesPerSecond) * 1000
      if (freeAt > now) await timing.sleep(freeAt - now, signal)
    },
  }
}

/** The same bytes, no faster than the limit lets them pass. */
export async function* limited(
  source: Bytes,
  limit: RateLimit,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    await limit.take(chunk.length, signal)
    yield chunk
  }
}
