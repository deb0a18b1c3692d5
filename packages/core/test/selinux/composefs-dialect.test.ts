import { describe, expect, test } from 'vitest'
import { SpecTable, parseFileContexts } from '../../src/selinux/index.js'

const file = 0o100644
const dir = 0o040755

/** Context that the last matching line gives, and the warnings there are. */
function lookup(policy: string, path: string, mode = file): string | undefined {
  const { specs, warnings } = parseFileContexts(policy, 'file_contexts', 'composefs')
  expect(warnings).toEqual([])
  return new SpecTable(specs, 'composefs').find(path, mode)?.context
}

describe('policies as composefs reads them', () => {
  test('an expression that comes later wins over a path without special characters', () => {
    expect(lookup('/a/b sys:path\n/a/.* sys:expression\n', '/a/b')).toBe('sys:expression')
    expect(lookup('/a/.* sys:expression\n/a/b sys:path\n', '/a/b')).toBe('sys:path')
    expect(lookup('/a/.* sys:expression\n/a/b sys:path\n', '/a/c')).toBe('sys:expression')
  })

  test('of two equal paths the later line wins, whichever names a type', () => {
    expect(lookup('/a -- sys:typed\n/a sys:any\n', '/a')).toBe('sys:any')
    expect(lookup('/a sys:any\n/a -- sys:typed\n', '/a')).toBe('sys:typed')
    expect(lookup('/a sys:any\n/a -- sys:typed\n', '/a', dir)).toBe('sys:any')
  })

  test('alternatives are one group between the anchors', () => {
    const policy = '/a/b|/c/d sys:x\n'
    expect(lookup(policy, '/a/b')).toBe('sys:x')
    expect(lookup(policy, '/c/d')).toBe('sys:x')
    expect(lookup(policy, '/a/bc')).toBeUndefined()
    expect(lookup(policy, '/x/c/d')).toBeUndefined()
  })

  test('a dollar sign before the end never matches, for the type follows', () => {
    expect(lookup('/a(b|c)$ sys:x\n', '/ab')).toBeUndefined()
    expect(lookup('^/a(b|c) sys:x\n', '/ab')).toBe('sys:x')
  })

  test('a dot matches a newline, but not in an expression that looks around', () => {
    expect(lookup('/a.[b] sys:x\n', '/a\nb')).toBe('sys:x')
    expect(lookup('/a.(?=b)b sys:x\n', '/a\nb')).toBeUndefined()
    expect(lookup('/a.(?=b)b sys:x\n', '/a\rb')).toBe('sys:x')
  })

  test('<<none>> that comes last takes the label away', () => {
    expect(lookup('/a sys:x\n/.* <<none>>\n', '/a')).toBeUndefined()
  })

  test.each(['/a[b[c]]', '/a[a-z&&b]', '/a[a--b]', '/a(?i)b', '/a++'])(
    'an expression that would mean something else is refused: %s',
    (regex) => {
      expect(parseFileContexts(`${regex} sys:x\n`, 'file_contexts', 'composefs').warnings.length).toBe(1)
    },
  )
})
