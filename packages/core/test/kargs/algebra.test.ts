import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  deleteKargs,
  extendKargs,
  inheritedRootKargs,
  installKargs,
  joinKargs,
  kargValues,
  parseKarg,
  removeKargs,
  sameKarg,
  sameKargKey,
  setKarg,
  splitKargs,
} from '../../src/kargs/index.js'

describe('words of a command line', () => {
  test.each([
    ['', []],
    ['  \t\n', []],
    ['root=/dev/sda rw  quiet\n', ['root=/dev/sda', 'rw', 'quiet']],
    ['dyndbg="file a.c +p" x', ['dyndbg="file a.c +p"', 'x']],
    ['"a=b c" d', ['"a=b c"', 'd']],
    ['open="never closed x', ['open="never closed x']],
  ])('%j splits', (text, words) => {
    expect(splitKargs(text)).toEqual(words)
  })

  test('joining and splitting give the same words', () => {
    const word = fc.stringMatching(/^[a-z_.-]{1,6}(=("[a-z ]{0,5}"|[a-z=]{0,5}))?$/)
    fc.assert(
      fc.property(fc.array(word), (words) => {
        expect(splitKargs(joinKargs(words))).toEqual(words)
      }),
    )
  })

  test.each([
    ['key', { key: 'key' }],
    ['key=', { key: 'key', value: '' }],
    ['a=b=c', { key: 'a', value: 'b=c' }],
    ['a="b c"', { key: 'a', value: 'b c' }],
    ['"a=b c"', { key: 'a', value: 'b c' }],
    ['a="b"c"d"', { key: 'a', value: 'b"c"d' }],
  ])('%j is taken apart', (word, karg) => {
    expect(parseKarg(word)).toEqual(karg)
  })

  test('keys fold "-" and "_", values and case do not', () => {
    expect(sameKargKey('rd.luks-name', 'rd.luks_name')).toBe(true)
    expect(sameKargKey('Quiet', 'quiet')).toBe(false)
    expect(sameKarg('a-b=x-y', 'a_b=x_y')).toBe(false)
    expect(sameKarg('a-b="x"', 'a_b=x')).toBe(true)
    expect(sameKarg('a', 'a=')).toBe(false)
  })
})

describe('changing a list', () => {
  test('an argument is added once, another value of its key is kept beside it', () => {
    expect(extendKargs(['a=1'], ['a=1', 'a=2', 'a=2', 'b'])).toEqual(['a=1', 'a=2', 'b'])
  })

  test('repeats that are there already stay', () => {
    expect(extendKargs(['a', 'a'], ['b'])).toEqual(['a', 'a', 'b'])
  })

  test('removal is exact and takes all equal ones', () => {
    expect(removeKargs(['a=1', 'a=2', 'a', 'a=1'], ['a=1'])).toEqual(['a=2', 'a'])
  })

  test('deleting a bare key takes every value of it', () => {
    expect(deleteKargs(['a=1', 'a_b', 'b', 'a-b=2'], ['a-b', 'a=1'])).toEqual(['b'])
  })

  test('setting replaces in place and drops the rest of the key', () => {
    expect(setKarg(['x', 'a=1', 'y', 'a=2'], 'a=3')).toEqual(['x', 'a=3', 'y'])
    expect(setKarg(['x'], 'a=3')).toEqual(['x', 'a=3'])
  })

  test('values of a key come in order', () => {
    expect(kargValues(['console=tty0', 'quiet', 'console', 'console=ttyS0'], 'console')).toEqual([
      'tty0',
      undefined,
      'ttyS0',
    ])
  })
})

describe('installing', () => {
  test('deletions come after the image and before the command line', () => {
    expect(
      installKargs({
        root: ['root=UUID=1', 'rw'],
        config: ['a=config', 'b'],
        image: ['quiet', 'b', 'c=1', 'c=2'],
        deletions: ['a', 'c=1', 'rw'],
        cli: ['a=cli', 'rw'],
      }),
    ).toEqual(['root=UUID=1', 'b', 'quiet', 'c=2', 'a=cli', 'rw'])
  })

  test('root arguments of a running system are carried over', () => {
    const running = splitKargs(
      'BOOT_IMAGE=/x root=UUID=1 ro rootflags=subvol=a rd.luks.uuid=2 rdx quiet ostree=/o',
    )
    expect(inheritedRootKargs(running)).toEqual(['root=UUID=1', 'rootflags=subvol=a', 'rd.luks.uuid=2'])
  })
})
