import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { printYaml } from '../src/yaml.js'

test('keeps the order of keys and indents maps by two spaces', () => {
  const text = printYaml({ b: { c: null, a: true }, a: [{ w: 1, v: 'z' }, 'w'], empty: [], none: {} })
  expect(text).toBe('b:\n  c: null\n  a: true\na:\n- w: 1\n  v: z\n- w\nempty: []\nnone: {}\n')
})

test('leaves names, digests and times plain, and quotes what looks like something else', () => {
  const text = printYaml({
    image: 'registry.lan/fleet/edge:2.x',
    digest: 'sha256:1f00',
    time: '2026-03-02T08:30:00Z',
    version: '2.4',
    no: 'no',
    hex: '12e4',
    empty: '',
  })
  expect(text).toBe(
    "image: registry.lan/fleet/edge:2.x\ndigest: sha256:1f00\ntime: 2026-03-02T08:30:00Z\nversion: '2.4'\n'no': 'no'\nhex: '12e4'\nempty: ''\n",
  )
})

test('a YAML 1.2 and a YAML 1.1 reader both get the same data back', () => {
  const leaf = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: 'binary' }).filter((text) => !/\p{Cs}/u.test(text)),
    fc.stringMatching(/^[0-9eExo.:_+-]{1,8}$/),
    fc.constantFrom(
      'yes',
      'Null',
      '~',
      '.inf',
      '-',
      '- a',
      'a: b',
      'a #b',
      '!x',
      '<<',
      'key:',
      "it's",
      '0x1f',
      '1_000',
      '=',
      '2026-01-01',
    ),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
  )
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      leaf,
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(
        fc.string({ minLength: 1 }).filter((key) => key !== '__proto__'),
        tie('tree'),
        { maxKeys: 4, noNullPrototype: true },
      ),
    ),
  }))
  fc.assert(
    fc.property(tree, (value) => {
      const text = printYaml(value)
      expect(parse(text)).toEqual(value)
      expect(parse(text, { version: '1.1', schema: 'yaml-1.1' })).toEqual(value)
    }),
    { numRuns: 500 },
  )
})
