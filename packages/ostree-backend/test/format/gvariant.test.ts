import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isBootcError } from '@bootc-sdk/core'
import { decodeVariant, encodeVariant } from '../../src/format/index.js'

interface Vector {
  type: string
  text: string
  hex: string
}
const { vectors } = JSON.parse(
  readFileSync(new URL('../golden/ostree/gvariant-vectors.json', import.meta.url), 'utf8'),
) as { vectors: Vector[] }

const decodeHex = (type: string, hex: string) =>
  decodeVariant(type, Buffer.from(hex.replaceAll(' ', ''), 'hex'))

/** A type and a value of it. */
const typed: fc.Arbitrary<{ type: string; value: unknown }> = fc.letrec<{
  any: { type: string; value: unknown }
}>((tie) => ({
  any: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.nat(255).map((value) => ({ type: 'y', value })),
    fc.boolean().map((value) => ({ type: 'b', value })),
    fc.integer({ min: -32768, max: 32767 }).map((value) => ({ type: 'n', value })),
    fc.nat(0xffff_ffff).map((value) => ({ type: 'u', value })),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => ({ type: 't', value })),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => ({ type: 'x', value })),
    fc
      .string({ unit: 'grapheme', maxLength: 300 })
      .map((text) => ({ type: 's', value: text.replaceAll('\0', '') })),
    fc.uint8Array({ maxLength: 300 }).map((value) => ({ type: 'ay', value: Buffer.from(value) })),
    fc.array(fc.string({ maxLength: 40 }), { maxLength: 40 }).map((value) => ({
      type: 'as',
      value: value.map((text) => text.replaceAll('\0', '')),
    })),
    tie('any').map((child) => ({ type: 'v', value: child })),
    fc.tuple(tie('any'), fc.boolean()).map(([child, some]) => ({
      type: `m${child.type}`,
      value: some ? { just: child.value } : undefined,
    })),
    fc.array(tie('any'), { maxLength: 5 }).map((members) => ({
      type: `(${members.map((member) => member.type).join('')})`,
      value: members.map((member) => member.value),
    })),
    fc.tuple(tie('any'), fc.nat(4)).map(([child, count]) => ({
      type: `a${child.type}`,
      value: child.type === 'y' ? Buffer.alloc(count) : new Array(count).fill(child.value),
    })),
  ),
})).any

describe('GVariant', () => {
  it('decodes and re-encodes all vectors made by GLib', () => {
    expect(vectors).toHaveLength(73)
    for (const { type, hex, text } of vectors) {
      const value = decodeVariant(type, Buffer.from(hex, 'hex'))
      expect(encodeVariant(type, value).toString('hex'), `${type} ${text}`).toBe(hex)
    }
  })

  it('gives values in their natural form', () => {
    expect(decodeHex('(sss)', '6100 626200 63636300 05 02')).toEqual(['a', 'bb', 'ccc'])
    expect(decodeHex('a{sv}', '76657273696f6e00 312e3000 00 73 08 0f')).toEqual([
      ['version', { type: 's', value: '1.0' }],
    ])
    expect(decodeHex('x', 'ffffffffffffffff')).toBe(-1n)
    expect(decodeHex('mu', '')).toBeUndefined()
    expect(decodeHex('mmu', '00')).toEqual({ just: undefined })
    expect(decodeHex('s', 'efbbbf6100')).toBe('\ufeffa')
  })

  it('round-trips any value of any type', () => {
    fc.assert(
      fc.property(typed, ({ type, value }) => {
        expect(decodeVariant(type, encodeVariant(type, value))).toEqual(value)
      }),
      { numRuns: 500 },
    )
  })

  it('accepts nothing but the bytes it would write itself', () => {
    const types = [
      'a{sv}',
      '(a{sv}aya(say)sstayay)',
      '(uuua(ayay))',
      'aas',
      'v',
      '(sms)',
      'a(yt)',
      '(a(s(taya{sv}))a{sv})',
    ]
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.uint8Array({ maxLength: 60 }), (type, bytes) => {
        let value: unknown
        try {
          value = decodeVariant(type, bytes)
        } catch (error) {
          expect(isBootcError(error, 'STORE_OSTREE_CORRUPT')).toBe(true)
          return
        }
        expect(encodeVariant(type, value).equals(bytes)).toBe(true)
      }),
      { numRuns: 3000 },
    )
  })

  it('refuses every damaged vector or reads it as something else that is whole', () => {
    for (const { type, hex } of vectors) {
      const bytes = Buffer.from(hex, 'hex')
      for (let bit = 0; bit < Math.min(bytes.length, 300) * 8; bit += 3) {
        const damaged = Buffer.from(bytes)
        damaged[bit >> 3]! ^= 1 << (bit & 7)
        try {
          // Not `toEqual`: it is slow, and this runs ten thousand times.
          expect(encodeVariant(type, decodeVariant(type, damaged)).equals(damaged)).toBe(true)
        } catch (error) {
          expect(isBootcError(error, 'STORE_OSTREE_CORRUPT')).toBe(true)
        }
      }
    }
  })

  it.each([
    ['s', '6162', 'no NUL at its end'],
    ['s', '610062', 'a NUL inside'],
    ['s', 'ff00', 'bytes that are not UTF-8'],
    ['b', '02', 'a boolean of 2'],
    ['()', '01', 'a unit tuple that is not zero'],
    ['(yu)', '0100010002000000', 'padding that is not zero'],
    ['(uy)', '0200000001000001', 'padding at the end that is not zero'],
    ['as', '610009', 'an offset beyond the end'],
    ['as', '6100620004 02', 'offsets out of order'],
    ['au', '010000', 'an array of broken size'],
    ['v', '0101', 'a variant without a type'],
    ['v', '010079790000', 'a variant with two types'],
    ['ms', '7801', 'a maybe without its zero'],
    ['(ss)', '610062000300', 'an offset wider than needed or misplaced'],
    ['t', '01', 'too few bytes'],
  ])('refuses %s %s: %s', (type, hex) => {
    expect(() => decodeHex(type, hex)).toThrowError(expect.objectContaining({ code: 'STORE_OSTREE_CORRUPT' }))
  })

  it.each([
    ['u', -1],
    ['u', 2 ** 32],
    ['y', 256],
    ['t', 1],
    ['s', 'a\0b'],
    ['s', '\ud800'],
    ['as', 'text'],
    ['ay', [1, 2]],
    ['(ss)', ['only one']],
    ['v', 'bare'],
    ['mu', 3],
  ])('refuses to write %s from %j', (type, value) => {
    expect(() => encodeVariant(type, value)).toThrowError(
      expect.objectContaining({ code: 'STORE_OSTREE_INVALID' }),
    )
  })

  it('refuses to write numbers that need more than 64 bits', () => {
    const invalid = expect.objectContaining({ code: 'STORE_OSTREE_INVALID' }) as Error
    expect(() => encodeVariant('t', -1n)).toThrowError(invalid)
    expect(() => encodeVariant('t', 2n ** 64n)).toThrowError(invalid)
    expect(() => encodeVariant('x', 2n ** 63n)).toThrowError(invalid)
  })

  it.each(['', 'a', '(', '{sv', '{vs}', '{s}', 'z', 'ss', '(s', 'o', 'm', `${'a'.repeat(500)}y`])(
    'refuses the type string %j',
    (type) => {
      expect(() => encodeVariant(type, 0)).toThrowError(
        expect.objectContaining({ code: 'STORE_OSTREE_INVALID' }),
      )
    },
  )

  it('stops at deeply nested values without exhausting the stack', () => {
    let value: unknown = { type: 'y', value: 1 }
    for (let depth = 0; depth < 1000; depth++) value = { type: 'v', value }
    expect(() => encodeVariant('v', value)).toThrowError(/too deeply/)
    const nested = Buffer.concat([Buffer.from([1]), ...new Array<Buffer>(5000).fill(Buffer.from('\0v'))])
    expect(() => decodeVariant('v', nested)).toThrowError(/too deeply/)
  })

  it('does not fill memory with a huge array of tiny values', () => {
    expect(() => decodeVariant('ab', Buffer.alloc(5_000_000))).toThrowError(/too many values/)
  })

  it('does not fill memory with the type of a value', () => {
    const bytes = Buffer.concat([Buffer.alloc(1_000_001), Buffer.from(`(${'y'.repeat(1_000_000)})`)])
    expect(() => decodeVariant('v', bytes)).toThrowError(/variant with a bad type/)
  })
})
