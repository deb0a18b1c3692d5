import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { alwaysChanges, packComponents, type Component } from '../../../src/container/export/packing.js'
import { packAsBefore } from '../../../src/container/export/previous-packing.js'

interface VectorComponent {
  readonly id: string
  readonly name: string
  readonly freq: number
  readonly size: number
}

interface Vector {
  readonly name: string
  readonly bins: number
  /** Text: those of the first derived vector. */
  readonly components: readonly VectorComponent[] | string
  readonly prior?: readonly (readonly string[])[]
  readonly expected: readonly (readonly string[])[]
}

const vectors = JSON.parse(
  readFileSync(new URL('../../golden/packing/vectors.json', import.meta.url), 'utf8'),
) as { upstream: Vector[]; derived: Vector[] }
// The last one is about data that are not here.
const usable = [...vectors.upstream, ...vectors.derived.slice(0, 3)]

const pack = ({ components, bins, prior }: Pick<Vector, 'components' | 'bins' | 'prior'>): string[][] => {
  const list = typeof components === 'string' ? vectors.derived[0]!.components : components
  const parsed = (list as readonly VectorComponent[]).map(({ id, name, freq, size }) => ({
    id,
    name,
    changeFrequency: freq,
    sizeBytes: size,
  }))
  const before = prior && packAsBefore(parsed, bins, prior)
  return (before ?? packComponents(parsed, bins)).map((bin) => bin.map(({ id }) => id))
}

test.each(usable)('packs as the reference does: $name, $bins layers', (vector) => {
  expect(pack(vector)).toEqual(vector.expected)
})

const components = fc
  .array(
    fc.record({
      sizeBytes: fc.nat(1_000_000),
      changeFrequency: fc.oneof(fc.nat(50), fc.constant(alwaysChanges)),
    }),
    { maxLength: 200 },
  )
  .map((list): Component[] =>
    list
      .sort((a, b) => b.sizeBytes - a.sizeBytes)
      .map((facts, i) => ({ ...facts, id: `p${i}-1`, name: `p${i}` })),
  )

describe('any components', () => {
  test('are all packed once, into no more layers than allowed, the last of which is empty', () => {
    fc.assert(
      fc.property(components, fc.integer({ min: 4, max: 100 }), (list, bins) => {
        const packed = packComponents(list, bins)
        expect(packed.length).toBeLessThanOrEqual(bins)
        expect(
          packed
            .flat()
            .map(({ id }) => id)
            .sort(),
        ).toEqual(list.map(({ id }) => id).sort())
        if (list.length > 0) expect(packed.at(-1)).toEqual([])
      }),
      { numRuns: 500 },
    )
  })

  test('stay where they were when the next build has the same names', () => {
    fc.assert(
      fc.property(components, fc.integer({ min: 4, max: 100 }), fc.nat(5), (list, bins, added) => {
        const packed = packComponents(list, bins)
        const before = packed.map((bin) =>
          bin
            .map(({ name }) => name)
            .join(',')
            .split(','),
        )
        const next = list.map((one) => ({ ...one, id: `${one.name}-2`, sizeBytes: one.sizeBytes + 1 }))
        const fresh = Array.from({ length: added }, (_, i) => ({
          id: `new${i}-1`,
          name: `new${i}`,
          sizeBytes: 1,
          changeFrequency: 1,
        }))
        const again = packAsBefore([...next, ...fresh], bins, before)
        if (list.length === 0) return
        // Bins that were empty but for the last one go through as layers without components.
        expect(again!.slice(0, -1).map((bin) => bin.map(({ name }) => name))).toEqual(
          packed.slice(0, -1).map((bin) => bin.map(({ name }) => name)),
        )
        expect(again!.at(-1)!.map(({ name }) => name)).toEqual(fresh.map(({ name }) => name))
      }),
      { numRuns: 300 },
    )
  })
})

test('components that went leave their layer, and an empty layer goes unless it is the last', () => {
  const prior = [['a'], ['b', 'c'], ['']]
  const list = [{ id: 'b-2', name: 'b', sizeBytes: 1, changeFrequency: 1 }]
  expect(packAsBefore(list, 4, prior)).toEqual([list, []])
})

test('too few layers for what was there before, and two components of one name, are packed anew', () => {
  const one = (name: string): Component => ({ id: name, name, sizeBytes: 1, changeFrequency: 1 })
  expect(packAsBefore([one('a'), one('b')], 2, [['a'], ['b'], ['']])).toBeUndefined()
  expect(packAsBefore([one('a'), one('a')], 4, [['a'], ['']])).toBeUndefined()
})

test('fewer than four layers for more components are refused', () => {
  const list = Array.from({ length: 3 }, (_, i) => ({
    id: `${i}`,
    name: `${i}`,
    sizeBytes: 9 - i,
    changeFrequency: 1,
  }))
  expect(() => packComponents(list, 3)).toThrow(/at least 4/)
})
