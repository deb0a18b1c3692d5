import { setImmediate as turn } from 'node:timers/promises'
import type { Timing } from '../../src/transports/index.js'

/**
 * A clock that jumps to the next one who sleeps as soon as nothing else is going on in this process for a few turns
 * of the event loop. Not for work that waits for other processes.
 */
export function virtualClock(): Timing & { elapsedMs(): number } {
  let now = 0
  let running = false
  const sleepers: { at: number; wake: () => void }[] = []
  const run = async (): Promise<void> => {
    running = true
    while (sleepers.length > 0) {
      for (let i = 0; i < 5; i++) await turn()
      sleepers.sort((a, b) => a.at - b.at)
      const next = sleepers.shift()
      if (next === undefined) break
      now = Math.max(now, next.at)
      next.wake()
    }
    running = false
  }
  return {
    elapsedMs: () => now,
    now: () => now,
    random: () => 0.5,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted()
        const sleeper = { at: now + ms, wake: resolve }
        sleepers.push(sleeper)
        signal?.addEventListener('abort', () => {
          const at = sleepers.indexOf(sleeper)
          if (at >= 0) sleepers.splice(at, 1)
          reject(signal.reason as Error)
        })
        if (!running) void run()
      }),
  }
}
