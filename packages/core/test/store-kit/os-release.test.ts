import { expect, test } from 'vitest'
import { parseOsRelease } from '../../src/store-kit/index.js'

test('values are those of a shell', () => {
  const text = ' ID=debian \nNAME="a \\"b\\" c"\nVERSION=\'1 2\'\n# A=b\nB = c\nEMPTY=\nLATER= x\r\n'
  expect(Object.fromEntries(parseOsRelease(text))).toEqual({
    ID: 'debian',
    NAME: 'a "b" c',
    VERSION: '1 2',
    EMPTY: '',
    LATER: ' x',
  })
})

test('blanks within a line take no more time than other text', () => {
  const value = `a${' '.repeat(40_000)}b`
  const start = performance.now()
  expect(parseOsRelease(`A=${value}\n`).get('A')).toBe(value)
  expect(performance.now() - start).toBeLessThan(1000)
})
