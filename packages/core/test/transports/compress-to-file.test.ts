import { expect, test, vi } from 'vitest'
import { tmpdir } from 'node:os'
import { compressToFile } from '../../src/transports/destinations/compress-to-file.js'

test('a source that is given up is let go of', async () => {
  const stop = new AbortController()
  const reason = new Error('enough')
  let isOpen = true
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (let i = 0; ; i++) {
        if (i === 100) stop.abort(reason)
        // Nothing that compresses well, so that something comes out.
        yield crypto.getRandomValues(new Uint8Array(60_000))
      }
    } finally {
      isOpen = false
    }
  }
  await expect(compressToFile(endless(), { temporaryDir: tmpdir(), signal: stop.signal })).rejects.toBe(
    reason,
  )
  await vi.waitFor(() => expect(isOpen).toBe(false))
})
