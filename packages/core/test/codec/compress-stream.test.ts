import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { compressStream, gzipStream } from '../../src/codec/index.js'
import { unzstdStream } from '../../src/codec/index.js'
import { getNative } from '../../src/node/index.js'
import { describe, expect, test } from 'vitest'

/** Text-like bytes that compress well but not trivially; always the same. */
function sample(length: number): Buffer {
  const out = Buffer.alloc(length)
  let state = 12345
  for (let at = 0; at < length;) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    const word = `line ${(state >>> 16) % 5000} of ${(state >>> 8) % 100}\n`
    at += out.write(word, at, 'latin1')
  }
  return out
}

async function* pieces(data: Uint8Array, bytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < data.length; at += bytes) yield data.subarray(at, at + bytes)
}

async function whole(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const data = sample(3_000_000)

describe('gzipStream', () => {
  // Made once with Python's zlib 1.2.13: compressobj(level, DEFLATED, -15, 8).
  test.each([
    [6, '37ed19b04ebec8eda05d588999e6f2bc51cd293d54c90393e42093da3b211cee'],
    [1, 'b240016f3d55b87debaf49fcd5ff7e488863932d0bef9eb32f3a8d08413b03c9'],
  ] as const)('gives the bytes of stock zlib at level %i, however the input comes', async (level, sum) => {
    for (const bytes of [997, 65536, data.length]) {
      for (const native of [true, false]) {
        const packed = await whole(gzipStream(pieces(data, bytes), level, { native }))
        expect(createHash('sha256').update(packed.subarray(10, -8)).digest('hex')).toBe(sum)
        expect(packed.subarray(0, 10).toString('hex')).toBe(`1f8b080000000000${level === 1 ? '04' : '00'}ff`)
        expect(gunzipSync(packed).equals(data)).toBe(true)
      }
    }
  })

  test('makes a valid member of nothing', async () => {
    expect(gunzipSync(await whole(gzipStream(pieces(Buffer.alloc(0), 1))))).toHaveLength(0)
  })

  test('passes on what goes wrong in its source', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield data
      throw new Error('gone')
    }
    await expect(whole(gzipStream(broken()))).rejects.toThrow('gone')
  })
})

const hasZstd = getNative() !== undefined || Number(process.versions.node.split('.')[0]) >= 24

test.skipIf(!hasZstd)('zstd comes out again', async () => {
  const packed = await whole(compressStream(pieces(data, 70_000), 'zstd'))
  expect(packed.length).toBeLessThan(data.length / 2)
  expect((await whole(unzstdStream(pieces(packed, 10_000)))).equals(data)).toBe(true)
})

test('"none" leaves bytes alone', async () => {
  expect((await whole(compressStream(pieces(data, 1 << 20), 'none'))).equals(data)).toBe(true)
})
