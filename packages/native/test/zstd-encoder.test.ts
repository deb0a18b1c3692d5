import { readFileSync } from 'node:fs'
import * as zlib from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { addon, decode, describeNative, sampleBytes } from './support.js'

describeNative('zstd encoder', () => {
  /** One frame of `input`, given in pieces. */
  const encode = (input: Uint8Array, level: number, pieceBytes: number) => {
    const encoder = addon.createZstdEncoder(level)
    const parts: Buffer[] = []
    for (let at = 0; at < input.length; at += pieceBytes) {
      parts.push(encoder.push(input.subarray(at, at + pieceBytes)))
    }
    parts.push(encoder.end())
    return Buffer.concat(parts)
  }

  test('round trips through the decoder in any pieces', async () => {
    for (const size of [1, 100, 131_072, 131_073, 1_500_000]) {
      const input = sampleBytes(size)
      for (const pieceBytes of [size, 1000, 65_536]) {
        if (size / pieceBytes > 2000) continue
        const { output } = await decode(encode(input, 3, pieceBytes))
        expect(output.equals(input), `${size} bytes by ${pieceBytes}`).toBe(true)
      }
    }
  })

  test('the chunking of the input does not change the frame', () => {
    const input = sampleBytes(700_000)
    const whole = encode(input, 3, input.length)
    for (const pieceBytes of [1, 777, 65_536, 131_072]) {
      const part = pieceBytes === 1 ? input.subarray(0, 3000) : input
      const expected = pieceBytes === 1 ? encode(part, 3, 3000) : whole
      expect(encode(part, 3, pieceBytes).equals(expected), `by ${pieceBytes}`).toBe(true)
    }
  })

  test('frames are those of the tool that other repositories are written with', async () => {
    const url = new URL('golden/zstd-frames.json', import.meta.url)
    const { frames } = JSON.parse(readFileSync(url, 'utf8')) as { frames: string[] }
    for (const text of frames) {
      const frame = Buffer.from(text, 'base64')
      const { output } = await decode(frame)
      expect(encode(output, 3, 500).equals(frame), `${output.length} bytes`).toBe(true)
    }
  })

  test('the header has neither size nor checksum, and nothing at all is a frame too', async () => {
    const frame = encode(Buffer.from('x'), 3, 1)
    // Frame_Header_Descriptor: no content size, not a single segment, no checksum, no dictionary (RFC 8878, 3.1.1.1.1).
    expect([...frame.subarray(0, 5)]).toEqual([0x28, 0xb5, 0x2f, 0xfd, 0x00])
    const empty = addon.createZstdEncoder(3)
    expect(empty.push(Buffer.alloc(0))).toHaveLength(0)
    expect((await decode(empty.end())).output).toHaveLength(0)
  })

  test('refuses levels that do not exist, and use after the end', () => {
    for (const level of [23, 1000, -200_000]) expect(() => addon.createZstdEncoder(level)).toThrow(/level/)
    const encoder = addon.createZstdEncoder(1)
    encoder.end()
    expect(() => encoder.end()).toThrow(expect.objectContaining({ code: 'ERR_INVALID_STATE' }))
    expect(() => encoder.push(Buffer.from('x'))).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_STATE' }),
    )
  })

  describe('every level', () => {
    test.each([-5, 1, 3, 9, 19])('%i', async (level) => {
      const input = sampleBytes(300_000)
      const frame = encode(input, level, 50_000)
      expect((await decode(frame)).output.equals(input)).toBe(true)
      // Another libzstd, from Node 22.15 on.
      const { zstdDecompressSync } = zlib as { zstdDecompressSync?: (data: Uint8Array) => Buffer }
      if (zstdDecompressSync !== undefined) expect(zstdDecompressSync(frame).equals(input)).toBe(true)
    })
  })
})
