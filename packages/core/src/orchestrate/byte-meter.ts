import type { ByteProgress } from '../progress.js'

/** Counts bytes of one thing and tells about it at most about ten times a second, and once at the end. */
export interface ByteMeter {
  /** @param bytes cumulative */
  set(bytes: number): void
  /** The last event, with `bytes` = `totalBytes`. */
  end(): void
}

/**
 * @param emit receives cumulative figures
 * @param totalBytes 0 where unknown; the last event then carries what was counted
 * @param options `now` in milliseconds
 */
export function byteMeter(
  id: string,
  totalBytes: number,
  emit: (progress: ByteProgress) => void,
  options: { now?: () => number; intervalMs?: number; cachedBytes?: number } = {},
): ByteMeter {
  const { now = Date.now, intervalMs = 100, cachedBytes = 0 } = options
  let bytes = 0
  let last = -Infinity
  return {
    set(cumulative) {
      bytes = cumulative
      const time = now()
      // The end is told by `end`, so that it is told exactly once.
      if (time - last < intervalMs || (totalBytes > 0 && bytes >= totalBytes)) return
      last = time
      emit({ id, bytes, totalBytes, cachedBytes })
    },
    end() {
      const total = totalBytes > 0 ? totalBytes : bytes
      emit({ id, bytes: total, totalBytes: total, cachedBytes })
    },
  }
}
