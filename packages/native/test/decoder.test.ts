import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { decompress as fzstd } from 'fzstd'
import { expect, test } from 'vitest'
import { addon, collect, decode, describeNative, feed, sampleBytes, scratch, sha256 } from './support.js'

/** A zstd skippable frame (RFC 8878, 3.1.2). */
function skippable(content: Buffer, nibble = 0): Buffer {
  const header = Buffer.alloc(8)
  header.writeUInt32LE(0x184d2a50 + nibble)
  header.writeUInt32LE(content.length, 4)
  return Buffer.concat([header, content])
}

describeNative('decoder', () => {
  const dir = scratch()
  const small = { blockBytes: 4096, blocks: 3 }

  test('gives back what zlib compressed, whatever the sizes of pieces and data', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(40_000),
        fc.integer({ min: 1, max: 9000 }),
        fc.nat(9),
        async (size, piece, level) => {
          const plain = sampleBytes(size, size + 1)
          const input = gzipSync(plain, { level })
          const result = await decode(input, small, piece)
          expect(result.output.equals(plain)).toBe(true)
          expect(result.uncompressedSha256).toBe(sha256(plain))
          expect(result.compressedSha256).toBe(sha256(input))
          expect(result.uncompressedBytes).toBe(size)
          expect(result.compressedBytes).toBe(input.length)
        },
      ),
      { numRuns: 60 },
    )
  })

  test('agrees with another zstd decoder, whatever the sizes of pieces and data', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(40_000),
        fc.integer({ min: 1, max: 9000 }),
        fc.integer({ min: -3, max: 19 }),
        async (size, piece, level) => {
          const plain = sampleBytes(size, size + 1)
          const input = addon.zstdCompress(plain, level)
          expect(sha256(fzstd(input))).toBe(sha256(plain))
          const result = await decode(input, small, piece)
          expect(result.output.equals(plain)).toBe(true)
          expect(result.uncompressedSha256).toBe(sha256(plain))
          expect(result.compressedSha256).toBe(sha256(input))
        },
      ),
      { numRuns: 60 },
    )
  })

  test('reads a stream that arrives byte by byte', async () => {
    const plain = sampleBytes(5000)
    for (const input of [gzipSync(plain), addon.zstdCompress(plain, 3), plain]) {
      const result = await decode(input, small, 1)
      expect(result.output.equals(plain)).toBe(true)
    }
  })

  test('reads every gzip member and accepts zero bytes after the last', async () => {
    const parts = [sampleBytes(10_000, 1), Buffer.alloc(0), sampleBytes(3000, 2)]
    const input = Buffer.concat([...parts.map((part) => gzipSync(part)), Buffer.alloc(1500)])
    for (const piece of [1, 7, 100_000]) {
      const result = await decode(input, small, piece)
      expect(result.output.equals(Buffer.concat(parts))).toBe(true)
      expect(result.compressedSha256).toBe(sha256(input))
    }
  })

  test('reads every zstd frame and drops skippable ones', async () => {
    const parts = [sampleBytes(10_000, 1), Buffer.alloc(0), sampleBytes(3000, 2)]
    const frames = parts.map((part) => addon.zstdCompress(part, 3))
    const input = Buffer.concat([
      skippable(Buffer.from('first')),
      frames[0]!,
      skippable(Buffer.alloc(0), 15),
      frames[1]!,
      frames[2]!,
      skippable(sampleBytes(5000)),
    ])
    for (const piece of [1, 7, 100_000]) {
      const result = await decode(input, small, piece)
      expect(result.output.equals(Buffer.concat(parts))).toBe(true)
      expect(result.compressedSha256).toBe(sha256(input))
    }
  })

  test('passes other data through', async () => {
    for (const plain of [
      Buffer.alloc(0),
      Buffer.from([0x1f]),
      Buffer.from([0x28, 0xb5]),
      sampleBytes(20_000),
    ]) {
      const result = await decode(plain, small, 3)
      expect(result.output.equals(plain)).toBe(true)
      expect(result.compressedSha256).toBe(sha256(plain))
      expect(result.uncompressedSha256).toBe(sha256(plain))
    }
    // Told so, it does not look at the magic.
    const gzip = gzipSync(sampleBytes(100))
    expect((await decode(gzip, { compression: 'none' })).output.equals(gzip)).toBe(true)
  })

  test('reads a part of a file by itself', async () => {
    const plain = sampleBytes(600_000)
    const frame = addon.zstdCompress(plain, 3)
    const file = join(dir, 'blob')
    writeFileSync(file, Buffer.concat([Buffer.from('before'), frame, Buffer.from('after')]))
    const decoder = addon.createDecoder({ blocks: 2 })
    decoder.readFile(file, 6, frame.length)
    expect((await collect(decoder)).equals(plain)).toBe(true)
    expect(decoder.result().compressedSha256).toBe(sha256(frame))
    decoder.close()
  })

  test('never has more blocks out than the pool holds, and waits for their release', async () => {
    const plain = sampleBytes(64 * 4096)
    const decoder = addon.createDecoder({ blockBytes: 4096, blocks: 3 })
    const feeding = feed(decoder, gzipSync(plain), 1 << 20)
    const slots = new Set<number>()
    for (let i = 0; i < 3; i++) slots.add((await decoder.next())!.slot)
    expect(slots.size).toBe(3)
    const fourth = decoder.next()
    const early = await Promise.race([
      fourth,
      new Promise((resolve) => setTimeout(() => resolve('waiting'), 50)),
    ])
    expect(early).toBe('waiting')
    decoder.release(1)
    expect((await fourth)?.slot).toBe(1)
    decoder.close()
    await feeding
  })

  test('holds back a producer that is too fast', async () => {
    const decoder = addon.createDecoder({ blockBytes: 4096, blocks: 2 })
    let pushed = 0
    const input = sampleBytes(1 << 20)
    const producing = (async () => {
      for (let i = 0; i < 64; i++) {
        await decoder.push(input)
        pushed++
      }
    })()
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(pushed).toBeLessThan(8)
    decoder.close()
    await producing
  })
})
