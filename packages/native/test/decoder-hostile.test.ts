import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { addon, collect, decode, describeNative, sampleBytes, scratch, sha256 } from './support.js'

const codeOf = async (result: Promise<unknown>) =>
  result.then(
    () => 'no error',
    (error: unknown) => (error as { code?: string }).code,
  )

describeNative('decoder with bad input', () => {
  const dir = scratch()
  const small = { blockBytes: 4096, blocks: 3 }
  const plain = sampleBytes(600)

  test('says TRUNCATED for a gzip stream cut anywhere', async () => {
    const input = gzipSync(plain)
    for (let cut = 0; cut < input.length; cut++) {
      const result = decode(input.subarray(0, cut), { ...small, compression: 'gzip' })
      expect(await codeOf(result), `cut at ${cut}`).toBe('TRUNCATED')
    }
  })

  test('says TRUNCATED for a zstd stream cut anywhere', async () => {
    const input = addon.zstdCompress(plain, 3)
    for (let cut = 0; cut < input.length; cut++) {
      const result = decode(input.subarray(0, cut), { ...small, compression: 'zstd' })
      expect(await codeOf(result), `cut at ${cut}`).toBe('TRUNCATED')
    }
  })

  test('says TRUNCATED when a second member or frame is cut', async () => {
    for (const whole of [gzipSync(plain), addon.zstdCompress(plain, 3)]) {
      for (const cut of [1, 3, whole.length - 1]) {
        const result = decode(Buffer.concat([whole, whole.subarray(0, cut)]), small)
        expect(await codeOf(result), `cut at ${cut}`).toBe('TRUNCATED')
      }
    }
  })

  test('never takes a flipped bit for good data', async () => {
    for (const input of [gzipSync(plain), addon.zstdCompress(plain, 3)]) {
      for (let bit = 0; bit < input.length * 8; bit += 5) {
        const bad = Buffer.from(input)
        bad[bit >> 3]! ^= 1 << (bit & 7)
        const result = await decode(bad, small).catch((error: { code?: string }) => error)
        if ('output' in result) {
          // Header bits (time stamps, names) and our zstd frames without a checksum: the digests tell.
          expect(result.compressedSha256).toBe(sha256(bad))
          expect(result.uncompressedSha256).toBe(sha256(result.output))
        } else {
          expect(result.code, `bit ${bit}`).toMatch(/^(CORRUPT|TRUNCATED|LIMIT)$/)
        }
      }
    }
  })

  test('says CORRUPT for garbage after the data', async () => {
    const gzip = gzipSync(plain)
    const zstd = addon.zstdCompress(plain, 3)
    for (const tail of [Buffer.from('x'), Buffer.from([0, 0, 1]), Buffer.from([0, 0x1f, 0x8b])]) {
      expect(await codeOf(decode(Buffer.concat([gzip, tail]), small))).toBe('CORRUPT')
    }
    expect(await codeOf(decode(Buffer.concat([gzip, Buffer.from([0x1f, 0x8c, 0, 0])]), small))).toBe(
      'CORRUPT',
    )
    expect(await codeOf(decode(Buffer.concat([zstd, Buffer.from('garbage')]), small))).toBe('CORRUPT')
    expect(await codeOf(decode(Buffer.concat([zstd, Buffer.alloc(64)]), small))).toBe('CORRUPT')
  })

  test('says CORRUPT for data that is not what it was called', async () => {
    expect(await codeOf(decode(plain, { compression: 'gzip' }))).toBe('CORRUPT')
    expect(await codeOf(decode(plain, { compression: 'zstd' }))).toBe('CORRUPT')
  })

  test('stops a decompression bomb at the limit', async () => {
    const bomb = Buffer.alloc(8 << 20)
    for (const input of [gzipSync(bomb), addon.zstdCompress(bomb, 3), bomb]) {
      const options = { blockBytes: 65536, blocks: 4 }
      expect(await codeOf(decode(input, { ...options, maxOutputBytes: 1_000_000 }))).toBe('LIMIT')
      expect(await codeOf(decode(input, { ...options, maxOutputBytes: bomb.length - 1 }))).toBe('LIMIT')
      expect(await codeOf(decode(input, { ...options, maxOutputBytes: bomb.length }))).toBe('no error')
    }
  })

  test('refuses a window beyond 128 MiB', async () => {
    // Magic, frame header descriptor without single segment, window descriptor: exponent in the upper five bits.
    const frame = (exponent: number) =>
      Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, exponent << 3, 0x01, 0x00, 0x00])
    expect(await codeOf(decode(frame(17), small))).toBe('no error')
    expect(await codeOf(decode(frame(18), small))).toBe('LIMIT')
  })

  test('reports a file that is missing or shorter than stated', async () => {
    const missing = addon.createDecoder({})
    missing.readFile(join(dir, 'missing'), 0, 10)
    await expect(collect(missing)).rejects.toMatchObject({
      code: 'ENOENT',
      syscall: 'open',
      path: join(dir, 'missing'),
    })
    missing.close()
    writeFileSync(join(dir, 'short'), plain)
    const short = addon.createDecoder({})
    short.readFile(join(dir, 'short'), 0, plain.length + 1)
    expect(await codeOf(collect(short))).toBe('TRUNCATED')
    short.close()
  })

  test('delivers the blocks before an error, then the error again and again', async () => {
    const input = Buffer.concat([gzipSync(sampleBytes(8192)), Buffer.from('garbage')])
    const decoder = addon.createDecoder(small)
    await decoder.push(input)
    for (let i = 0; i < 2; i++) decoder.release((await decoder.next())!.slot)
    expect(await codeOf(decoder.next())).toBe('CORRUPT')
    expect(await codeOf(decoder.next())).toBe('CORRUPT')
    await decoder.push(input)
    expect(() => decoder.result()).toThrow(expect.objectContaining({ code: 'ERR_INVALID_STATE' }))
    decoder.close()
  })
})
