import { describe, expect, test } from 'vitest'
import { isBootcError } from '../../src/errors.js'
import {
  appendKarg,
  appendKargIfMissing,
  deleteKarg,
  deleteKargIfPresent,
  kargsOfProcCmdline,
  replaceKarg,
  replaceKargValue,
} from '../../src/kargs/index.js'

function codeOf(run: () => unknown): string | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    return isBootcError(error) ? error.code : String(error)
  }
}

const list = ['root=LABEL=r', 'console=tty0', 'rw', 'console=ttyS0']

describe('operations of ostree admin kargs', () => {
  test('append always appends', () => {
    expect(appendKarg(list, 'rw')).toEqual([...list, 'rw'])
  })

  test('append-if-missing looks at the key only, "-" and "_" being different', () => {
    expect(appendKargIfMissing(list, 'console=other')).toEqual(list)
    expect(appendKargIfMissing(['a-b'], 'a_b')).toEqual(['a-b', 'a_b'])
  })

  test('replace leaves one, where the first was', () => {
    expect(replaceKarg(list, 'console=x')).toEqual(['root=LABEL=r', 'console=x', 'rw'])
    expect(replaceKarg(list, 'new=1')).toEqual([...list, 'new=1'])
  })

  test('replacing a value names the old one when there are several', () => {
    expect(replaceKargValue(list, 'console=ttyS0=ttyS1')).toEqual([
      'root=LABEL=r',
      'console=tty0',
      'rw',
      'console=ttyS1',
    ])
    expect(replaceKargValue(['a=1'], 'a=2')).toEqual(['a=2'])
    expect(codeOf(() => replaceKargValue(list, 'console=x'))).toBe('BOOT_KARG_AMBIGUOUS')
    expect(codeOf(() => replaceKargValue(list, 'console=no=x'))).toBe('BOOT_KARG_NOT_FOUND')
    expect(codeOf(() => replaceKargValue(list, 'none=x'))).toBe('BOOT_KARG_NOT_FOUND')
  })

  test('delete takes one occurrence', () => {
    expect(deleteKarg(list, 'console=tty0')).toEqual(['root=LABEL=r', 'rw', 'console=ttyS0'])
    expect(deleteKarg(list, 'root')).toEqual(list.slice(1))
    expect(deleteKarg(['a', 'a=1'], 'a')).toEqual(['a=1'])
    expect(codeOf(() => deleteKarg(list, 'console'))).toBe('BOOT_KARG_AMBIGUOUS')
    expect(codeOf(() => deleteKarg(list, 'console=no'))).toBe('BOOT_KARG_NOT_FOUND')
    expect(codeOf(() => deleteKarg(list, 'none'))).toBe('BOOT_KARG_NOT_FOUND')
  })

  test('delete-if-present forgives an absent key, not an ambiguous one', () => {
    expect(deleteKargIfPresent(list, 'none')).toEqual(list)
    expect(codeOf(() => deleteKargIfPresent(list, 'console'))).toBe('BOOT_KARG_AMBIGUOUS')
  })

  test('what boot loaders add is not carried over', () => {
    expect(kargsOfProcCmdline('BOOT_IMAGE=(hd0)/x root=a initrd=\\x quiet\n')).toEqual(['root=a', 'quiet'])
  })
})
