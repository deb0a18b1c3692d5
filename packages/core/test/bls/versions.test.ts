import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareUapiVersions, compareVersions } from '../../src/bls/index.js'

const pairs = JSON.parse(readFileSync(new URL('../golden/bls/strverscmp.json', import.meta.url), 'utf8')) as [
  string,
  string,
  number,
][]

describe('strverscmp', () => {
  test('equal to the C library on 600 recorded pairs', () => {
    for (const [a, b, sign] of pairs) expect([a, b, Math.sign(compareVersions(a, b))]).toEqual([a, b, sign])
  })

  test('numbers of any length compare as numbers', () => {
    const versions = ['2', '10', '9', '1'].sort(compareVersions)
    expect(versions).toEqual(['1', '2', '9', '10'])
  })
})

describe('UAPI.10', () => {
  test.each<[string, '<' | '=' | '>', string]>([
    ['11', '=', '11'],
    ['systemd-123', '=', 'systemd-123'],
    ['bar-123', '<', 'foo-123'],
    ['123a', '>', '123'],
    ['123.a', '>', '123'],
    ['123.a', '<', '123.b'],
    ['123a', '>', '123.a'],
    ['11α', '=', '11β'],
    ['A', '<', 'a'],
    ['', '<', '0'],
    ['0.', '>', '0'],
    ['0.0', '>', '0'],
    ['0', '>', '~'],
    ['', '>', '~'],
    ['1_', '=', '1'],
    ['_1', '=', '1'],
    ['1_', '<', '1.2'],
    ['1_2_3', '>', '1.3.3'],
    ['1+2+3', '>', '1.3.3'],
    ['122.1', '<', '123~rc1-1'],
    ['123~rc1-1', '<', '123'],
    ['123', '<', '123-a'],
    ['123-a', '<', '123-a.1'],
    ['123-a.1', '<', '123-1'],
    ['123-1', '<', '123-1.1'],
    ['123-1.1', '<', '123^post1'],
    ['123^post1', '<', '123.a-1'],
    ['123.a-1', '<', '123.1-1'],
    ['123.1-1', '<', '123a-1'],
    ['123a-1', '<', '124-1'],
    ['00123', '=', '123'],
    ['99999999999999999999998', '<', '99999999999999999999999'],
  ])('%s %s %s', (a, sign, b) => {
    const expected = sign === '<' ? -1 : sign === '>' ? 1 : 0
    expect(compareUapiVersions(a, b)).toBe(expected)
    expect(compareUapiVersions(b, a)).toBe(expected === 0 ? 0 : -expected)
  })

  test('is an order', () => {
    const version = fc.stringMatching(/^[0-9a-c~^.+-]{0,6}$/)
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(Math.sign(compareUapiVersions(a, b)) + Math.sign(compareUapiVersions(b, a))).toBe(0)
        if (compareUapiVersions(a, b) <= 0 && compareUapiVersions(b, c) <= 0) {
          expect(compareUapiVersions(a, c)).toBeLessThanOrEqual(0)
        }
      }),
      { numRuns: 2000 },
    )
  })
})
