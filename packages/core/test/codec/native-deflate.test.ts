import { createHash } from 'node:crypto'
import { inflateRawSync } from 'node:zlib'
import { Deflate } from 'pako'
import { describe, expect, test } from 'vitest'
import { getNative } from '../../src/node/index.js'

const create = getNative()?.createDeflateEncoder

describe.skipIf(create === undefined)('deflate encoder of the addon', () => {
  type Level = 1 | 6
  const encode = (input: Uint8Array, level: Level, pieceBytes: number): Buffer => {
    const encoder = create!(level)
    const parts: Buffer[] = []
    for (let at = 0; at < input.length; at += pieceBytes) {
      parts.push(encoder.push(input.subarray(at, at + pieceBytes)))
    }
    parts.push(encoder.end())
    return Buffer.concat(parts)
  }

  /** A port of the published zlib. */
  const stock = (input: Uint8Array, level: Level): Buffer => {
    const deflate = new Deflate({ level, raw: true })
    deflate.push(input, true)
    return Buffer.from(deflate.result as Uint8Array)
  }

  const random = (seed: number): ((below: number) => number) => {
    let state = seed
    return (below) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
  }

  /** What is new, and what was there before, near and far. */
  const mixed = (seed: number, bytes: number): Buffer => {
    const next = random(seed)
    const out = Buffer.alloc(bytes)
    for (let at = 0; at < bytes;) {
      const length = Math.min(1 + next(next(3) === 0 ? 600 : 12), bytes - at)
      const isCopy = at > 0 && next(3) > 0
      const distance = 1 + next(Math.min(at, [10, 300, 5000, 33_000][next(4)]!) || 1)
      for (let i = 0; i < length; i++, at++) out[at] = isCopy ? out[at - distance]! : next(256)
    }
    return out
  }

  test('gives the bytes of stock zlib for whatever comes', () => {
    const period = (bytes: number, length: number): Buffer =>
      Buffer.alloc(length, Buffer.from(mixed(bytes, bytes)))
    const inputs = [
      ...[0, 1, 2, 3, 4, 258, 259, 300].map((length) => Buffer.alloc(length, 7)),
      ...[1, 2, 3].map((seed) => mixed(seed, 200_000)),
      // Distances at the edge of what is looked at, and at the end of the window.
      ...[4096, 4097, 32_505, 32_506, 32_507, 32_768].map((length) => period(length, 110_000)),
      Buffer.alloc(300_000),
      Buffer.from(Array.from({ length: 40_000 }, (_, i) => `line ${(i * i) % 977}`).join('\n')),
      createNoise(70_000),
      skewed(),
    ]
    for (const [i, input] of inputs.entries()) {
      for (const level of [1, 6] as const) {
        const wanted = stock(input, level)
        const made = encode(input, level, 65_536)
        expect(made.equals(wanted), `input ${i}, level ${level}`).toBe(true)
        expect(inflateRawSync(made).equals(input)).toBe(true)
      }
    }
  })

  test('the chunking of the input does not change the bytes', () => {
    const input = mixed(5, 150_000)
    for (const level of [1, 6] as const) {
      const whole = encode(input, level, input.length)
      for (const pieceBytes of [1, 100, 777, 40_000]) {
        expect(encode(input, level, pieceBytes).equals(whole), `by ${pieceBytes}`).toBe(true)
      }
    }
  })

  test('refuses other levels, and use after the end', () => {
    for (const level of [0, 2, 9]) expect(() => create!(level as Level)).toThrow(/level/)
    const encoder = create!(6)
    encoder.end()
    expect(() => encoder.push(Buffer.alloc(1))).toThrow(/ended/)
    expect(() => encoder.end()).toThrow(/ended/)
  })

  /** Nothing in it can be made smaller. */
  function createNoise(bytes: number): Buffer {
    const parts: Buffer[] = []
    for (let i = 0; i * 32 < bytes; i++) parts.push(createHash('sha256').update(`${i}`).digest())
    return Buffer.concat(parts).subarray(0, bytes)
  }

  /** Counts like Fibonacci's numbers, whose codes would be longer than deflate allows. */
  function skewed(): Buffer {
    const next = random(9)
    const bytes: number[] = []
    for (let symbol = 0, a = 1, b = 1; symbol < 22; symbol++, [a, b] = [b, a + b]) {
      for (let i = 0; i < a && bytes.length < 60_000; i++) bytes.push(symbol)
    }
    for (let i = bytes.length - 1; i > 0; i--) {
      const j = next(i + 1)
      ;[bytes[i], bytes[j]] = [bytes[j]!, bytes[i]!]
    }
    return Buffer.from(bytes)
  }
})
