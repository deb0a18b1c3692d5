import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isBootcError } from '../../src/errors.js'
import {
  baseName,
  compareNames,
  comparePaths,
  decodeName,
  encodeName,
  isUtf8Name,
  joinPath,
  normalizePath,
  parentPath,
} from '../../src/names/index.js'

const bytes = fc.uint8Array({ maxLength: 40 })
/** Bytes that often come near valid UTF-8. */
const nearUtf8 = fc
  .array(
    fc.constantFrom(
      0x41,
      0xc3,
      0xa9,
      0xe2,
      0x82,
      0xac,
      0xed,
      0xa0,
      0x80,
      0xf0,
      0x9f,
      0x92,
      0xa9,
      0xef,
      0xbf,
      0xbd,
    ),
  )
  .map((list) => Uint8Array.from(list))

describe('names as bytes', () => {
  test('every byte string survives decoding and encoding', () => {
    fc.assert(
      fc.property(fc.oneof(bytes, nearUtf8), (value) => {
        expect([...encodeName(decodeName(value))]).toEqual([...value])
      }),
      { numRuns: 2000 },
    )
  })

  test('valid UTF-8 decodes to ordinary text, a real replacement character included', () => {
    expect(decodeName(Buffer.from('naïve 💩 \ufffd'))).toBe('naïve 💩 \ufffd')
    expect(isUtf8Name('naïve 💩')).toBe(true)
  })

  test('each byte that is not UTF-8 becomes one low surrogate', () => {
    const name = decodeName(Uint8Array.of(0x61, 0xff, 0xc3, 0x28, 0xed, 0xa0, 0x80))
    expect(name).toBe('a\udcff\udcc3(\udced\udca0\udc80')
    expect(isUtf8Name(name)).toBe(false)
  })

  test('surrogates outside the escape range are refused', () => {
    expect(() => encodeName('a\ud800')).toThrow(/surrogate/)
    expect(() => encodeName('a\udc00')).toThrow(/surrogate/)
  })

  test('names compare as their bytes do', () => {
    fc.assert(
      fc.property(fc.oneof(bytes, nearUtf8), fc.oneof(bytes, nearUtf8), (a, b) => {
        const got = Math.sign(compareNames(decodeName(a), decodeName(b)))
        expect(got).toBe(Math.sign(Buffer.compare(a, b)))
      }),
      { numRuns: 2000 },
    )
    expect(compareNames('\uffee', '💩')).toBeLessThan(0)
  })

  test('paths compare component by component', () => {
    const sorted = ['', 'a', 'a/b', 'a/b/c', 'a.c', 'ab']
    expect([...sorted].reverse().sort(comparePaths)).toEqual(sorted)
  })
})

describe('paths', () => {
  test.each([
    ['', ''],
    ['.', ''],
    ['./a//b/./c/', 'a/b/c'],
    ['.hidden/x', '.hidden/x'],
    ['a/...', 'a/...'],
  ])('%j is normalised to %j', (input, output) => {
    expect(normalizePath(input)).toBe(output)
  })

  test.each(['/a', '/', '..', 'a/..', 'a/../b', './..', 'a\0b', 'a/'.repeat(2050), 'é'.repeat(2049)])(
    '%j is refused',
    (input) => {
      let caught: unknown
      try {
        normalizePath(input)
      } catch (error) {
        caught = error
      }
      expect(isBootcError(caught, 'TREE_INVALID_PATH')).toBe(true)
    },
  )

  test('join, parent and base name agree with each other', () => {
    expect(joinPath('', 'a', '', 'b/c')).toBe('a/b/c')
    expect(parentPath('a/b/c')).toBe('a/b')
    expect(parentPath('a')).toBe('')
    expect(baseName('a/b/c')).toBe('c')
    expect(baseName('')).toBe('')
  })
})
