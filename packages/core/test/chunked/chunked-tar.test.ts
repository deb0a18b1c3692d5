import { expect, test } from 'vitest'
import { chunkedTar } from '../../src/chunked/chunked-tar.js'
import type { Digest } from '../../src/index.js'
import type { TarSplitItem } from '../../src/tar/index.js'

const digest: Digest = `sha256:${'a'.repeat(64)}`

test('a file that is named again and again does not fill the disk', async () => {
  let named = 0
  async function* items(): AsyncGenerator<TarSplitItem> {
    for (; named < 1000; named++) yield { kind: 'file', name: 'a', sizeBytes: 1000 }
  }
  async function* content(): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(1000)
  }
  const file = { sizeBytes: 1000, digest, start: 0, end: 10 }
  const tar = chunkedTar({
    items: items(),
    toc: { files: new Map([['a', file]]), tarSplitDigest: digest },
    local: new Map([['a', content]]),
    ranges: [],
    fetchRange: () => content(),
    diffId: digest,
    onBytes: () => undefined,
    maxOutputBytes: 5000,
  })
  let bytes = 0
  const read = async () => {
    for await (const chunk of tar) bytes += chunk.length
  }
  await expect(read()).rejects.toMatchObject({ code: 'IMAGE_TOO_LARGE' })
  expect(bytes).toBe(5000)
  expect(named).toBeLessThan(10)
})
