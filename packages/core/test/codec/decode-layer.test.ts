import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateRawSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fileSource } from '../../src/codec/index.js'
import type { Codec } from '../../src/codec/index.js'
import { zstdBomb, zstdSkippable, zstdStore } from '../../src/testing/compress.js'
import { codecs, decode, expectedOf, pieces, sampleTar, sha256 } from './codecs.js'

const golden = (name: string): Promise<Buffer> =>
  readFile(new URL(`../golden/codec/${name}`, import.meta.url))
const tar = sampleTar(700_000)
const small = Buffer.from('a small tar, in spirit')
const gz = gzipSync(tar)

const good: readonly (readonly [
  name: string,
  blob: () => Uint8Array | Promise<Uint8Array>,
  diffId: string,
])[] = [
  ['a gzip member', () => gz, sha256(tar)],
  ['two gzip members', () => golden('two-members.tar.gz'), goldenDiff('ff85ba10')],
  [
    'three gzip members, one empty',
    () => Buffer.concat([gz, gzipSync(''), gzipSync(small)]),
    sha256(Buffer.concat([tar, small])),
  ],
  ['gzip with zeros behind it', () => Buffer.concat([gz, Buffer.alloc(70_000)]), sha256(tar)],
  ['gzip with name, comment and extra field', () => gzipWithHeader(small), sha256(small)],
  ['a zstd frame', () => golden('layer.tar.zst'), goldenDiff('7fb397e6')],
  ['zstd frames with skippable ones between', () => golden('multi-frame.tar.zst'), goldenDiff('7c71eeb8')],
  [
    'a skippable zstd frame in front',
    () => Buffer.concat([zstdSkippable(small), zstdStore(tar)]),
    sha256(tar),
  ],
  [
    'two zstd frames of raw blocks',
    () => Buffer.concat([zstdStore(tar), zstdStore(small)]),
    sha256(Buffer.concat([tar, small])),
  ],
  ['zstd runs', () => zstdBomb(1024 * 1024), sha256(Buffer.alloc(1024 * 1024))],
  ['plain bytes', () => tar, sha256(tar)],
  ['an empty blob', () => Buffer.alloc(0), sha256(Buffer.alloc(0))],
  ['one byte', () => Buffer.from('x'), sha256(Buffer.from('x'))],
]

/** Blobs whose digest is right and whose content cannot be decompressed. */
const corrupt: readonly (readonly [name: string, blob: () => Uint8Array | Promise<Uint8Array>])[] = [
  ['gzip cut short', () => gz.subarray(0, gz.length - 1000)],
  ['gzip without its trailer', () => gz.subarray(0, gz.length - 8)],
  ['gzip cut in its trailer', () => gz.subarray(0, gz.length - 3)],
  ['gzip cut in its header', () => gz.subarray(0, 6)],
  ['gzip with a wrong checksum', () => flipped(gz, gz.length - 6)],
  ['gzip with a wrong length', () => flipped(gz, gz.length - 2)],
  ['gzip with a flipped bit', () => flipped(gz, gz.length >> 1)],
  ['gzip with garbage behind it', () => Buffer.concat([gz, Buffer.from('garbage')])],
  ['gzip with garbage behind zeros', () => Buffer.concat([gz, Buffer.alloc(600), Buffer.from('garbage')])],
  ['gzip with half a second member', () => Buffer.concat([gz, gz.subarray(0, 5000)])],
  ['gzip with reserved flags', () => Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0xe0]), gz.subarray(4)])],
  ['zstd cut short', async () => (await golden('layer.tar.zst')).subarray(0, 500)],
  ['zstd cut in its header', async () => (await golden('layer.tar.zst')).subarray(0, 5)],
  ['zstd cut between blocks', () => zstdStore(tar).subarray(0, 6 + 3 + 128 * 1024)],
  ['zstd with garbage behind it', () => Buffer.concat([zstdStore(tar), Buffer.from('garbage')])],
  ['zstd with zeros behind it', () => Buffer.concat([zstdStore(tar), Buffer.alloc(512)])],
  [
    'zstd with half a skippable frame',
    () => Buffer.concat([zstdStore(tar), zstdSkippable(small).subarray(0, 20)]),
  ],
  ['a zstd block of reserved type', () => Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3, 0x07, 0, 0])],
  ['a zstd window beyond 128 MiB', () => Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 20 << 3, 0x01, 0, 0])],
  [
    'a zstd frame that wants a dictionary',
    () => Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 1, 7 << 3, 9, 0x01, 0, 0]),
  ],
  ['a zstd frame shorter than it says', () => Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, 2, 0x09, 0, 0, 65])],
]

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'codec-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

for (const { name, codec } of codecs) {
  describe.skipIf(!codec)(`${name} codec${codec ? '' : ' (the addon is not built)'}`, () => {
    suite(codec as Codec)
  })
}

function suite(codec: Codec): void {
  describe.each([
    ['a stream', (blob: Uint8Array) => pieces(blob, 10_000)],
    ['a stream of single bytes', (blob: Uint8Array) => pieces(blob, blob.length < 5000 ? 1 : 4093)],
    ['a file', inFile],
  ] as const)('from %s', (_name, open) => {
    test.each(good)('decodes %s', async (_case, make, diffId) => {
      const blob = await make()
      const source = await open(blob)
      const data = await decode(codec, source, { ...expectedOf(blob), diffId: diffId as `sha256:${string}` })
      expect(sha256(data)).toBe(diffId)
    })

    test.each(corrupt)('refuses %s', async (_case, make) => {
      const blob = await make()
      await expect(decode(codec, await open(blob), expectedOf(blob))).rejects.toMatchObject({
        code: 'IMAGE_LAYER_CORRUPT',
        details: { digest: sha256(blob) },
      })
    })

    test.each([0, 1, 20, 5000, gz.length - 3])(
      'calls byte %i changed on the way a wrong digest',
      async (at) => {
        await expect(decode(codec, await open(flipped(gz, at)), expectedOf(gz, tar))).rejects.toMatchObject({
          code: 'IMAGE_DIGEST_MISMATCH',
          details: { expected: sha256(gz), actual: sha256(flipped(gz, at)) },
        })
      },
    )

    test('refuses a blob that is shorter than its descriptor says', async () => {
      await expect(decode(codec, await open(gz.subarray(0, 9000)), expectedOf(gz))).rejects.toMatchObject({
        code: 'IMAGE_SIZE_MISMATCH',
        details: { expectedBytes: gz.length, actualBytes: 9000 },
      })
    })

    test('refuses a wrong size although the digest is right', async () => {
      for (const off of [-5, 5]) {
        const expected = { ...expectedOf(gz), sizeBytes: gz.length + off }
        await expect(decode(codec, await open(gz), expected)).rejects.toMatchObject({
          code: 'IMAGE_SIZE_MISMATCH',
        })
      }
    })

    test('refuses content that is not what the config says', async () => {
      const expected = { ...expectedOf(gz), diffId: sha256(small) }
      await expect(decode(codec, await open(gz), expected)).rejects.toMatchObject({
        code: 'IMAGE_DIFFID_MISMATCH',
        details: { digest: sha256(gz), expected: sha256(small), actual: sha256(tar) },
      })
    })

    test.each([
      ['bzip2', Buffer.from('BZh91AY&SY')],
      ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 4])],
    ])('refuses %s by name', async (compression, blob) => {
      await expect(decode(codec, await open(blob), expectedOf(blob))).rejects.toMatchObject({
        code: 'IMAGE_COMPRESSION_UNSUPPORTED',
        details: { compression },
      })
    })

    test('stops at the output limit', async () => {
      const bomb = zstdBomb(512 * 1024 * 1024)
      await expect(
        decode(codec, await open(bomb), expectedOf(bomb), { maxOutputBytes: 3_000_000 }),
      ).rejects.toMatchObject({ code: 'IMAGE_TOO_LARGE', details: { limitBytes: 3_000_000 } })
    })

    test('allows exactly the output limit', async () => {
      const data = await decode(codec, await open(gz), expectedOf(gz, tar), { maxOutputBytes: tar.length })
      expect(data.length).toBe(tar.length)
    })
  })

  test('takes a tar whose first name begins like bzip2 for a tar', async () => {
    const header = Buffer.alloc(1024)
    header.write('BZhang/', 0)
    header.write('ustar\0' + '00', 257)
    await expect(decode(codec, pieces(header), expectedOf(header, header))).resolves.toEqual(header)
  })

  test('stops reading as soon as the blob is longer than expected', async () => {
    let read = 0
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        read += 1000
        yield Buffer.alloc(1000, 7)
      }
    }
    const expected = { digest: sha256(small), sizeBytes: 50_000 }
    await expect(decode(codec, endless(), expected)).rejects.toMatchObject({ code: 'IMAGE_SIZE_MISMATCH' })
    expect(read).toBeLessThanOrEqual(51_000)
  })

  test('passes errors of the source on as they are', async () => {
    const failure = new Error('the line is dead')
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield gz.subarray(0, 20_000)
      throw failure
    }
    await expect(decode(codec, broken(), expectedOf(gz))).rejects.toBe(failure)
  })

  test('rejects with the reason of its signal and releases the source', async () => {
    let released = false
    const stop = new AbortController()
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        yield* pieces(gz, 1000)
      } finally {
        released = true
      }
    }
    const reason = new Error('enough')
    const reading = (async () => {
      for await (const _chunk of codec.decodeLayer(source(), expectedOf(gz), { signal: stop.signal })) {
        stop.abort(reason)
      }
    })()
    await expect(reading).rejects.toBe(reason)
    expect(released).toBe(true)
    await expect(decode(codec, pieces(gz), expectedOf(gz), { signal: stop.signal })).rejects.toBe(reason)
  })

  test('releases the source when the reader leaves early', async () => {
    let released = false
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        yield* pieces(gz, 1000)
      } finally {
        released = true
      }
    }
    for await (const _chunk of codec.decodeLayer(source(), expectedOf(gz))) break
    await expect.poll(() => released).toBe(true)
  })

  test('counts compressed bytes up to the size of the blob', async () => {
    const counts: number[] = []
    await decode(codec, pieces(gz, 10_000), expectedOf(gz), { onBytes: (bytes) => counts.push(bytes) })
    expect(counts.at(-1)).toBe(gz.length)
    expect(counts).toEqual([...counts].sort((a, b) => a - b))
    counts.length = 0
    await decode(codec, await inFile(gz), expectedOf(gz), { onBytes: (bytes) => counts.push(bytes) })
    expect(counts.at(-1)).toBe(gz.length)
  })

  test('reads only the first gzip member when told to, as ostree-ext does', async () => {
    const blob = await golden('two-members.tar.gz')
    const expected = { ...expectedOf(blob), diffId: goldenDiff('ff85ba10') }
    const all = await decode(codec, pieces(blob), expected)
    const first = await decode(codec, pieces(blob), expected, { gzipMembers: 'first' })
    expect(first.length).toBeLessThan(all.length)
    expect(all.subarray(0, first.length)).toEqual(first)
    const damaged = decode(codec, pieces(flipped(blob, blob.length - 1)), expected, { gzipMembers: 'first' })
    await expect(damaged).rejects.toMatchObject({ code: 'IMAGE_DIGEST_MISMATCH' })
  })

  test('takes a range of a file as the blob', async () => {
    const file = join(dir, 'padded')
    await writeFile(file, Buffer.concat([Buffer.alloc(777, 1), gz, Buffer.alloc(50, 2)]))
    const source = fileSource({ hostPath: file, offsetBytes: 777, sizeBytes: gz.length })
    expect(tar.equals(await decode(codec, source, expectedOf(gz, tar)))).toBe(true)
  })

  test('checks sha512 digests too', async () => {
    const { createHash } = await import('node:crypto')
    const sha512 = (data: Uint8Array) => `sha512:${createHash('sha512').update(data).digest('hex')}` as const
    const expected = { digest: sha512(gz), sizeBytes: gz.length, diffId: sha512(tar) }
    expect(tar.equals(await decode(codec, pieces(gz), expected))).toBe(true)
    await expect(decode(codec, pieces(gz), { ...expected, diffId: sha512(gz) })).rejects.toMatchObject({
      code: 'IMAGE_DIFFID_MISMATCH',
    })
  })

  test('decodes any content in any pieces', async () => {
    const content = fc.oneof(
      fc.uint8Array({ maxLength: 3000 }),
      fc.integer({ min: 0, max: 400_000 }).map((n) => Buffer.alloc(n, 3)),
    )
    const wrap = fc.constantFrom(
      (d: Uint8Array) => new Uint8Array(gzipSync(d)),
      (d: Uint8Array) => new Uint8Array(zstdStore(d)),
      (d: Uint8Array) =>
        new Uint8Array(Buffer.concat([gzipSync(d.subarray(0, 100)), gzipSync(d.subarray(100))])),
      (d: Uint8Array) =>
        new Uint8Array(
          Buffer.concat([zstdStore(d.subarray(0, 9)), zstdSkippable(d), zstdStore(d.subarray(9))]),
        ),
    )
    await fc.assert(
      fc.asyncProperty(content, wrap, fc.integer({ min: 1, max: 5000 }), async (data, compress, size) => {
        const blob = compress(data)
        const out = await decode(codec, pieces(blob, size), expectedOf(blob, data))
        expect(out.equals(Buffer.from(data))).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  test('turns any damage into an error of ours', async () => {
    const blobs = [gzipSync(small), await golden('layer.tar.zst'), await golden('multi-frame.tar.zst')]
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...blobs),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        fc.integer({ min: 1, max: 900 }),
        async (blob, at, mask, size) => {
          const damaged = Buffer.from(blob)
          damaged[at % blob.length]! ^= mask
          const error: unknown = await decode(codec, pieces(damaged, size), expectedOf(blob)).catch(
            (e: unknown) => e,
          )
          expect(error).toMatchObject({ code: expect.stringMatching(/^IMAGE_/) as string })
        },
      ),
      { numRuns: 150 },
    )
  })
}

let files = 0
async function inFile(blob: Uint8Array) {
  const hostPath = join(dir, `blob-${files++}`)
  await writeFile(hostPath, blob)
  return fileSource({ hostPath, offsetBytes: 0, sizeBytes: blob.length })
}

function goldenDiff(start: string): `sha256:${string}` {
  const all = [
    'sha256:7fb397e680c25e81c0f44428b186f75dce45e93aa40ca05dab5d0e9d4a7662ca',
    'sha256:7c71eeb84175004218949b1f6ef40a936493d497dc2a5c59967bc40c8b449374',
    'sha256:ff85ba105c201d06c8d5792a4c7b830041ee9bd03c0385673f0586781f285532',
  ] as const
  return all.find((digest) => digest.includes(start))!
}

function flipped(blob: Uint8Array, at: number): Buffer {
  const copy = Buffer.from(blob)
  copy[at]! ^= 0x04
  return copy
}

function gzipWithHeader(data: Uint8Array): Uint8Array {
  const plain = gzipSync(data)
  const header = Buffer.from([0x1f, 0x8b, 8, 4 | 8 | 16, 0, 0, 0, 0, 0, 3, 2, 0, 0xaa, 0xbb])
  const text = Buffer.from('name\0comment\0')
  return Buffer.concat([header, text, deflateRawSync(data), plain.subarray(plain.length - 8)])
}
