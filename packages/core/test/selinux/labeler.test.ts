import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { isBootcError } from '../../src/errors.js'
import { createLabeler, loadLabeler, parseFileContexts, parseSubstitutions } from '../../src/selinux/index.js'
import type { Labeler } from '../../src/selinux/index.js'
import { memoryTree } from '../../src/testing/index.js'

const golden = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../golden/selinux/${name}`, import.meta.url), 'utf8'))

type Lookup = readonly [path: string, mode: number, context: string | null]
const images = golden('images.json') as { case: string; files: Record<string, string>; labels: Lookup[] }[]
const invented = golden('lookups.json') as {
  file_contexts: string
  homedirs: string
  local: string
  subs: string
  subs_dist: string
  lookups: Lookup[]
}

function labelerOf(fileContexts: string): Labeler {
  return createLabeler({ ...parseFileContexts(fileContexts, 'test'), subs: [], distSubs: [] })
}

const base = 'etc/selinux'
const config = 'SELINUX=enforcing\nSELINUXTYPE=targeted\n'
const policy = {
  [`${base}/config`]: config,
  [`${base}/targeted/policy/policy.33`]: 'binary',
  [`${base}/targeted/contexts/files/file_contexts`]: '/.*\tsys:default\n/x\tsys:x\n',
}

describe('labels', () => {
  test.each(images)('$case: as the real tool gave them', async ({ files, labels }) => {
    const labeler = (await loadLabeler(await memoryTree(files)))!
    // What the policy leaves alone keeps the label that came with it.
    const untouched = labels.filter(([path]) => path.startsWith('/usr/none'))
    expect(untouched.length).toBeGreaterThan(0)
    for (const [path, mode] of untouched) expect(labeler.label(path, mode)).toBeUndefined()
    for (const [path, mode, context] of labels.filter((row) => !untouched.includes(row))) {
      expect([path, labeler.label(path, mode)]).toEqual([path, context])
    }
  })

  test('as libselinux says, for every rule of order, type, class and substitution', async () => {
    const files = `${base}/targeted/contexts/files/file_contexts`
    const labeler = (await loadLabeler(
      await memoryTree({
        ...policy,
        [files]: invented.file_contexts,
        [`${files}.homedirs`]: invented.homedirs,
        [`${files}.local`]: invented.local,
        [`${files}.subs`]: invented.subs,
        [`${files}.subs_dist`]: invented.subs_dist,
      }),
    ))!
    expect(labeler.warnings).toEqual([])
    for (const [path, mode, context] of invented.lookups) {
      expect([path, mode, labeler.label(path, mode) ?? null]).toEqual([path, mode, context])
    }
  })

  test('/proc is looked up as /mnt, what is below is not', () => {
    const labeler = labelerOf('/proc\tsys:proc\n/proc/.*\tsys:below\n/mnt\tsys:mnt\n')
    expect(labeler.label('/proc', 0o040555)).toBe('sys:mnt')
    expect(labeler.label('/proc/x', 0o100444)).toBe('sys:below')
  })

  test('names that are not UTF-8 are matched by their bytes', () => {
    const labeler = labelerOf('/a..\tsys:two\n')
    expect(labeler.label('/a\udcff\udcfe', 0o100644)).toBe('sys:two')
    expect(labeler.label('/aő', 0o100644)).toBe('sys:two')
    expect(labeler.label('/a\udcff', 0o100644)).toBeUndefined()
  })
})

describe('policies', () => {
  test('etc/selinux comes before usr/etc/selinux', async () => {
    const both = Object.fromEntries(
      Object.entries(policy).flatMap(([path, text]) => [
        [path, text],
        [`usr/${path}`, text.replace('sys:x', 'sys:usr')],
      ]),
    )
    expect((await loadLabeler(await memoryTree(both)))?.label('/x', 0)).toBe('sys:x')
    const only = Object.fromEntries(Object.entries(both).filter(([path]) => path.startsWith('usr/')))
    expect((await loadLabeler(await memoryTree(only)))?.label('/x', 0)).toBe('sys:usr')
  })

  test.each([
    ['no policy', {}],
    ['no config', { [`${base}/other`]: '' }],
    ['switched off', { ...policy, [`${base}/config`]: config.replace('enforcing', 'disabled') }],
    ['no mode', { ...policy, [`${base}/config`]: 'SELINUXTYPE=targeted\n' }],
    ['no type', { ...policy, [`${base}/config`]: 'SELINUX=enforcing\n' }],
  ])('%s: no labels', async (_, files) => {
    expect(await loadLabeler(await memoryTree(files))).toBeUndefined()
  })

  test('modes are read as libostree reads them', async () => {
    const files = { ...policy, [`${base}/config`]: '# x\nSELINUX=Permissive # why\nSELINUXTYPE= targeted \n' }
    expect((await loadLabeler(await memoryTree(files)))?.label('/x', 0)).toBe('sys:x')
  })

  test.each([
    ['no binary policy', `${base}/targeted/policy/policy.33`],
    ['no file contexts', `${base}/targeted/contexts/files/file_contexts`],
  ])('%s is an error', async (_, missing) => {
    const files = Object.fromEntries(Object.entries(policy).filter(([path]) => path !== missing))
    const error: unknown = await loadLabeler(await memoryTree(files)).catch((caught: unknown) => caught)
    expect(isBootcError(error, 'IMAGE_SELINUX_INVALID')).toBe(true)
  })

  test('a type that is a path is refused', async () => {
    const files = { ...policy, [`${base}/config`]: 'SELINUX=enforcing\nSELINUXTYPE=../../x\n' }
    await expect(loadLabeler(await memoryTree(files))).rejects.toThrow(/not a name/)
  })
})

describe('specifications', () => {
  test.each([
    ['a possessive quantifier', '/a++ sys:x'],
    ['an atomic group', '/(?>a) sys:x'],
    ['inline options', '/(?i)a sys:x'],
    ['a verb', '/(*FAIL) sys:x'],
    ['quoting', '/\\Qa\\E sys:x'],
    ['an unknown class', '/[[:nope:]] sys:x'],
    ['a collating element', '/[[.a.]] sys:x'],
    ['an open group', '/(a sys:x'],
    ['an open class', '/[a sys:x'],
    ['a last backslash', '/a\\ sys:x'],
    ['an unknown type', '/a -x sys:x'],
    ['no context', '/a'],
    ['letters that are not ASCII', '/ő sys:x'],
    ['a very long expression', `/${'a'.repeat(5000)} sys:x`],
  ])('%s gives a warning with file and line, and matches nothing', (_, line) => {
    const { specs, warnings } = parseFileContexts(`# comment\n${line}\n/ok sys:ok\n`, 'file_contexts')
    expect(specs.length).toBe(1)
    expect(warnings).toMatchObject([
      { code: 'selinux:spec-ignored', details: { file: 'file_contexts', line: 2 } },
    ])
  })

  test('classes and escapes mean what they mean to PCRE', () => {
    const labeler = labelerOf(
      '/a[^]x]b sys:a\n/b\\.\\-\\_c sys:b\n/c[[:space:]x]d sys:c\n/d\\sx sys:d\n/e[\\s.]x sys:e\n/f.x sys:f\n/g{x sys:g\n',
    )
    expect(labeler.warnings).toEqual([])
    expect(labeler.label('/ayb', 0)).toBe('sys:a')
    expect(labeler.label('/a]b', 0)).toBeUndefined()
    expect(labeler.label('/b.-_c', 0)).toBe('sys:b')
    expect(labeler.label('/c\td', 0)).toBe('sys:c')
    expect(labeler.label('/d\u00a0x', 0)).toBeUndefined()
    expect(labeler.label('/e x', 0)).toBe('sys:e')
    expect(labeler.label('/f\nx', 0)).toBe('sys:f')
    expect(labeler.label('/g{x', 0)).toBe('sys:g')
  })

  test('a character that a quantifier takes away is not demanded', () => {
    const labeler = labelerOf('/lib64?/x sys:lib\n/var/a*/y sys:var\n/b{0,1}/z sys:b\n')
    expect(labeler.label('/lib6/x', 0)).toBe('sys:lib')
    expect(labeler.label('/var//y', 0)).toBeUndefined()
    expect(labeler.label('/var/aa/y', 0)).toBe('sys:var')
    expect(labeler.label('/b/z', 0)).toBe('sys:b')
  })

  test('substitutions apply to whole components, the last line first', () => {
    expect(parseSubstitutions('/a /b\n\n# no\n/c\n  /d   /e \n')).toEqual([
      { from: '/d', to: '/e' },
      { from: '/a', to: '/b' },
    ])
  })
})

test('a file of nothing but lines that mean nothing is told in few words', () => {
  const { specs, warnings } = parseFileContexts(`${'x\n'.repeat(1000)}/ok sys:ok\n`, 'file_contexts')
  expect(specs).toHaveLength(1)
  expect(warnings).toHaveLength(101)
  expect(warnings.at(-1)).toMatchObject({ message: 'file_contexts: 900 more lines are ignored' })
})
