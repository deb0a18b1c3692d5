import { finished } from 'node:stream'
import type { Readable } from 'node:stream'

/**
 * A body chunk by chunk, as it was received. Iterating over the stream itself joins what has come meanwhile, which is
 * a copy of nearly every byte where the reader is the slower one.
 *
 * @throws what the stream fails with; it is destroyed when reading ends early
 */
export async function* bodyChunks(stream: Readable): AsyncGenerator<Uint8Array> {
  const received: Uint8Array[] = []
  let wake: (() => void) | undefined
  let outcome: { readonly error?: unknown } | undefined
  const forget = finished(stream, { writable: false }, (error) => {
    outcome = error === undefined || error === null ? {} : { error }
    wake?.()
  })
  stream.on('data', (chunk: Uint8Array) => {
    received.push(chunk)
    stream.pause()
    wake?.()
  })
  try {
    for (;;) {
      const chunk = received.shift()
      if (chunk !== undefined) {
        yield chunk
      } else if (outcome === undefined) {
        const changed = new Promise<void>((resolve) => (wake = resolve))
        stream.resume()
        await changed
      } else if ('error' in outcome) {
        throw outcome.error
      } else {
        return
      }
    }
  } finally {
    forget()
    // An error that nobody waits for any more is no reason to end the process.
    stream.on('error', () => undefined)
    if (outcome === undefined) stream.destroy()
  }
}
