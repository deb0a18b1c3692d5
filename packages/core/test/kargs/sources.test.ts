import { describe, expect, test } from 'vitest'
import {
  editKargs,
  kargSources,
  parseKargsText,
  setKargSource,
  type OwnedKargs,
} from '../../src/kargs/index.js'

const none: OwnedKargs = { kargs: ['root=x', 'rw'], extra: [['sort-key', 'a']] }
const set = (current: OwnedKargs, source: string, text: string, image: string[] = []) =>
  setKargSource(current, source, text === '' ? [] : text.split(' '), image)

describe('sources of kernel arguments', () => {
  test('what a source sets stands at the end, and in a key of its name', () => {
    expect(set(none, 'tuned', 'nohz=full isolcpus=1-3')).toEqual({
      kargs: ['root=x', 'rw', 'nohz=full', 'isolcpus=1-3'],
      extra: [
        ['sort-key', 'a'],
        ['x-options-source-tuned', 'nohz=full isolcpus=1-3'],
      ],
    })
  })

  test('new values take the place of the old ones, no values drop the source', () => {
    const one = set(none, 'tuned', 'nohz=full isolcpus=1-3')
    const two = set(one, 'tuned', 'isolcpus=4')
    expect(two.kargs).toEqual(['root=x', 'rw', 'isolcpus=4'])
    expect(set(two, 'tuned', '')).toEqual(none)
  })

  test('equal values change nothing, not even their place', () => {
    const one = set(set(none, 'a', 'x=1'), 'b', 'y=2')
    expect(set(one, 'a', 'x=1')).toBe(one)
    expect(set(none, 'a', '')).toBe(none)
  })

  test('what was deleted by hand comes back with the next setting', () => {
    const one = set(none, 'a', 'x=1')
    expect(set({ ...one, kargs: none.kargs }, 'a', 'x=1').kargs).toEqual(['root=x', 'rw', 'x=1'])
  })

  test.each([
    ['a', 'b'],
    ['b', 'a'],
  ])('an argument of two sources survives until both drop it (%s first)', (first, second) => {
    const both = set(set(none, 'a', 'quiet x=1'), 'b', 'quiet y=2')
    expect(both.kargs).toEqual(['root=x', 'rw', 'quiet', 'x=1', 'y=2'])
    const left = set(both, first, '')
    expect(left.kargs).toContain('quiet')
    expect(set(left, second, '').kargs).toEqual(none.kargs)
  })

  test('an argument of the image stays when a source drops it', () => {
    const one = set({ ...none, kargs: ['quiet'] }, 'a', 'quiet x=1', ['quiet'])
    expect(set(one, 'a', '', ['quiet'])).toEqual({ ...none, kargs: ['quiet'] })
  })

  test('an argument that nobody owned stays, and nothing is left to remember then', () => {
    const one = set(none, 'a', 'rw x=1')
    expect(one.extra).toContainEqual(['x-bootc-sdk-options-kept', 'rw'])
    expect(set(one, 'a', '')).toEqual(none)
  })

  test('values are compared as the kernel does', () => {
    const one = set({ kargs: ['a-b="1"'], extra: [] }, 's', 'a_b=1')
    expect(one.kargs).toEqual(['a-b="1"'])
  })

  test('keys without a value are sources that were dropped', () => {
    expect(
      kargSources([
        ['x-options-source-a', ''],
        ['x-options-source-b', 'c d="e f"'],
      ]),
    ).toEqual(new Map([['b', ['c', 'd="e f"']]]))
  })

  test.each(['', 'a b', 'a/b', 'a.b', 'ä', 'a\n'])('%j is no name of a source', (source) => {
    expect(() => set(none, source, 'x')).toThrow(
      expect.objectContaining({ code: 'BOOT_KARG_SOURCE_INVALID' }),
    )
  })
})

describe('changes by hand', () => {
  const kargs = ['a=1', 'b=1', 'b=2', 'c']

  test('deletions, replacements, additions, in this order', () => {
    const edit = { append: ['a=3 e'], delete: ['a=1'], replace: ['b=2=5'], appendIfMissing: ['c', 'b=9'] }
    expect(editKargs(kargs, edit)).toEqual(['b=1', 'b=5', 'c', 'a=3', 'e', 'b=9'])
  })

  test('what may be absent is no error, also where the key has another value', () => {
    expect(editKargs(kargs, { deleteIfPresent: ['x', 'a=7', 'c'] })).toEqual(['a=1', 'b=1', 'b=2'])
  })

  test('values may have equals signs in them', () => {
    const root = ['root=LABEL=a', 'rw']
    expect(editKargs(root, { replace: ['root=LABEL=b'] })).toEqual(['root=LABEL=b', 'rw'])
    expect(editKargs([...root, 'root=x'], { replace: ['root=LABEL=a=UUID=c'] })[0]).toBe('root=UUID=c')
  })

  test.each([
    [{ delete: ['x'] }, 'BOOT_KARG_NOT_FOUND'],
    [{ delete: ['a=2'] }, 'BOOT_KARG_NOT_FOUND'],
    [{ delete: ['b'] }, 'BOOT_KARG_AMBIGUOUS'],
    [{ deleteIfPresent: ['b'] }, 'BOOT_KARG_AMBIGUOUS'],
    [{ replace: ['b=3'] }, 'BOOT_KARG_AMBIGUOUS'],
    [{ replace: ['x=3'] }, 'BOOT_KARG_NOT_FOUND'],
    [{ append: ['a="b c'] }, 'BOOT_KARG_INVALID'],
    [{ append: ['a="b\nlinux /x"'] }, 'BOOT_KARG_INVALID'],
    [{ append: ['a\0b'] }, 'BOOT_KARG_INVALID'],
    [{ append: ['=b'] }, 'BOOT_KARG_INVALID'],
  ])('%j is refused: %s', (edit, code) => {
    expect(() => editKargs(kargs, edit)).toThrow(expect.objectContaining({ code }))
  })

  test('line ends separate words', () => {
    expect(parseKargsText('a=1\n b="c d"\t')).toEqual(['a=1', 'b="c d"'])
  })
})
