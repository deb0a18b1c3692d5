import type { Bytes } from '../../src/index.js'
import { registryTransport } from '../../src/transports/index.js'
import type { RegistryTransportOptions, Timing } from '../../src/transports/index.js'

export async function collect(bytes: Bytes): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of bytes) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** A clock that only moves when somebody sleeps, at once. */
export function fakeTiming(
  start = Date.UTC(2026, 0, 1),
): Timing & { readonly slept: number[]; advance(ms: number): void } {
  let now = start
  const slept: number[] = []
  return {
    slept,
    advance: (ms) => (now += ms),
    now: () => now,
    random: () => 0.5,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted()
      slept.push(ms)
      now += ms
    },
  }
}

/** A registry transport that waits no real time. */
export function quickTransport(options: RegistryTransportOptions = {}) {
  const timing = fakeTiming()
  return Object.assign(registryTransport({ timing, stallTimeoutMs: 300, ...options }), { timing })
}
