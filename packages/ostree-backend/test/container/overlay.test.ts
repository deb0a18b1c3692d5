import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareNames } from '@bootc-sdk/core/names'
import { overlay } from '../../src/container/overlay.js'
import type { TreeNode } from '../../src/container/tree-node.js'
import { withoutFile } from '../../src/container/tree-node.js'

/** `{ name: 'content' }` is a file, `{ name: {…} }` a directory, key `''` the attributes of a directory. */
interface Shape {
  readonly [name: string]: string | Shape
}

function node(shape: Shape): TreeNode {
  const files = new Map<string, string>()
  const dirs = new Map<string, TreeNode>()
  for (const [name, value] of Object.entries(shape)) {
    if (name === '') continue
    if (typeof value === 'string') files.set(name, value)
    else dirs.set(name, node(value))
  }
  return { meta: typeof shape[''] === 'string' ? shape[''] : 'meta', files, dirs }
}

function shape(tree: TreeNode): Shape {
  const out: Record<string, string | Shape> = { '': tree.meta }
  for (const [name, checksum] of tree.files) out[name] = checksum
  for (const [name, child] of tree.dirs) out[name] = shape(child)
  return out
}

const isLink = (checksum: string): boolean => checksum.startsWith('->')

/** The same rules on a mutable tree, step by step as a checkout into a directory works. */
class Simulation {
  meta: string
  readonly entries = new Map<string, string | Simulation>()
  constructor(meta: string) {
    this.meta = meta
  }
  checkout(layer: Shape): void {
    const names = Object.keys(layer)
      .filter((name) => name !== '')
      .sort(compareNames)
    for (const name of names) {
      const value = layer[name]!
      if (typeof value !== 'string') continue
      if (name.startsWith('.wh.') && !isLink(value)) this.entries.delete(name.slice(4))
      else this.entries.set(name, value)
    }
    for (const name of names) {
      const value = layer[name]!
      if (typeof value === 'string') continue
      if (typeof value['.wh..wh..opq'] === 'string') this.entries.delete(name)
      const there = this.entries.get(name)
      const below = there instanceof Simulation ? there : new Simulation(value[''] as string)
      this.entries.set(name, below)
      below.checkout(value)
    }
  }
  shape(): Shape {
    const out: Record<string, string | Shape> = { '': this.meta }
    for (const [name, value] of this.entries) out[name] = typeof value === 'string' ? value : value.shape()
    return out
  }
}

const names = ['a', 'b', '!x', 'é', '.wh.a', '.wh.b', '.wh.!x', '.wh..wh..opq']
const layers = fc.letrec<{ dir: Shape; entry: string | Shape }>((tie) => ({
  dir: fc
    .tuple(
      fc.dictionary(fc.constantFrom(...names), tie('entry'), { maxKeys: 5 }),
      fc.constantFrom('m1', 'm2', 'm3'),
    )
    .map(([entries, meta]) => ({ ...entries, '': meta })),
  entry: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('1', '2', '3', '->x'),
    tie('dir'),
  ),
})).dir

describe('laying layers over each other', () => {
  test('does what checking them out one after the other does', () => {
    fc.assert(
      fc.property(fc.array(layers, { minLength: 1, maxLength: 4 }), (shapes) => {
        let simulation: Simulation | undefined
        let tree: TreeNode | undefined
        for (const layer of shapes) {
          if (simulation === undefined || typeof layer['.wh..wh..opq'] === 'string') {
            simulation = new Simulation(layer[''] as string)
          }
          simulation.checkout(layer)
          tree = overlay(tree, node(layer), isLink)
        }
        expect(shape(tree!)).toEqual(simulation!.shape())
      }),
      { numRuns: 1000 },
    )
  })

  test('changes neither of its inputs', () => {
    fc.assert(
      fc.property(layers, layers, (below, above) => {
        const [first, second] = [node(below), node(above)]
        overlay(first, second, isLink)
        expect([shape(first), shape(second)]).toEqual([shape(node(below)), shape(node(above))])
      }),
    )
  })

  test('existing directories keep their attributes, cleared ones get those of the layer', () => {
    const lower = node({ '': 'root1', d: { '': 'old', f: '1' }, e: { '': 'old', f: '1' } })
    const upper = node({
      '': 'root2',
      d: { '': 'new', g: '2' },
      e: { '': 'new', '.wh..wh..opq': '0', g: '2' },
    })
    expect(shape(overlay(lower, upper, isLink))).toEqual({
      '': 'root1',
      d: { '': 'old', f: '1', g: '2' },
      e: { '': 'new', g: '2' },
    })
  })

  test('a symbolic link with the name of a whiteout is an ordinary entry', () => {
    const tree = overlay(node({ a: '1' }), node({ '.wh.a': '->x' }), isLink)
    expect(shape(tree)).toEqual({ '': 'meta', a: '1', '.wh.a': '->x' })
  })

  test('whiteouts work in the first layer and in directories that are new', () => {
    const tree = overlay(undefined, node({ '!f': '1', '.wh.!f': '0', d: { '.wh.x': '0', y: '1' } }), isLink)
    expect(shape(tree)).toEqual({ '': 'meta', d: { '': 'meta', y: '1' } })
  })

  test('an untouched subtree is the same object, so it is not written again', () => {
    const lower = node({ a: { b: { f: '1' } }, c: { f: '2' } })
    const tree = overlay(lower, node({ a: { b: { f: '1' } } }), isLink)
    expect(tree).toBe(lower)
    expect(overlay(lower, node({ a: { g: '3' } }), isLink).dirs.get('c')).toBe(lower.dirs.get('c'))
  })

  test('a whiteout without a name is refused', () => {
    expect(() => overlay(undefined, node({ d: { '.wh.': '0' } }), isLink)).toThrow(
      expect.objectContaining({ code: 'IMAGE_WHITEOUT', details: { directory: '/d' } }),
    )
  })
})

test('leaving out a file copies only the directories on its way', () => {
  const tree = node({ usr: { etc: { hostname: '0', other: '1' }, bin: { x: '2' } } })
  const out = withoutFile(tree, ['usr', 'etc', 'hostname'])
  expect(shape(out)).toEqual(shape(node({ usr: { etc: { other: '1' }, bin: { x: '2' } } })))
  expect(out.dirs.get('usr')!.dirs.get('bin')).toBe(tree.dirs.get('usr')!.dirs.get('bin'))
  expect(withoutFile(tree, ['usr', 'etc', 'absent'])).toBe(tree)
})
