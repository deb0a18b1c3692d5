import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isBootcError } from '@bootc-sdk/core'
import {
  decodeDirTree,
  decodeVariant,
  encodeDirTree,
  encodeVariant,
  sha256Hex,
} from '../../src/format/index.js'
import type { DirTree } from '../../src/repo/index.js'

const type = '(a(say)a(sayay))'
const sum = (byte: number) => Buffer.alloc(32, byte).toString('hex')

/** The slow way, through the general codec. */
function encodeSlowly({ files, dirs }: DirTree): Buffer {
  return encodeVariant(type, [
    files.map((file) => [file.name, Buffer.from(file.checksum, 'hex')]),
    dirs.map((dir) => [dir.name, Buffer.from(dir.tree, 'hex'), Buffer.from(dir.meta, 'hex')]),
  ])
}

const names = fc.uniqueArray(
  fc
    .string({
      unit: fc.oneof(fc.constantFrom('a', '.', '-', 'Z', 'é', 'ファ', '\u{10ffff}', '\ufffd'), fc.string()),
      minLength: 1,
      maxLength: 60,
    })
    .map((text) => text.replaceAll(/[/\0]/g, '_'))
    .filter((text) => text !== '' && text !== '.' && text !== '..'),
  { maxLength: 30 },
)

const trees: fc.Arbitrary<DirTree> = fc.tuple(names, fc.infiniteStream(fc.boolean())).map(([all, isDir]) => {
  const sorted = [...all].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  const files: { name: string; checksum: string }[] = []
  const dirs: { name: string; tree: string; meta: string }[] = []
  sorted.forEach((name, index) => {
    if (isDir.next().value === true) dirs.push({ name, tree: sum(index), meta: sum(index + 100) })
    else files.push({ name, checksum: sha256Hex(Buffer.from(name)) })
  })
  return { files, dirs }
})

describe('a dirtree', () => {
  it('is one zero byte when empty', () => {
    expect(encodeDirTree({ files: [], dirs: [] }).toString('hex')).toBe('00')
    expect(decodeDirTree(Buffer.from([0]))).toEqual({ files: [], dirs: [] })
  })

  it('is what the general codec writes', () => {
    fc.assert(
      fc.property(trees, (tree) => {
        const bytes = encodeDirTree(tree)
        expect(bytes.equals(encodeSlowly(tree))).toBe(true)
        expect(decodeDirTree(bytes)).toEqual(tree)
      }),
    )
  })

  it('keeps its form across the widths of offsets', () => {
    for (const count of [3, 4, 6, 7, 8, 1500, 1700]) {
      const files = Array.from({ length: count }, (_, index) => ({
        name: `f${String(index).padStart(5, '0')}`,
        checksum: sum(index & 255),
      }))
      const dirs = [{ name: 'z'.repeat(255), tree: sum(1), meta: sum(2) }]
      const bytes = encodeDirTree({ files, dirs })
      expect(bytes.equals(encodeSlowly({ files, dirs }))).toBe(true)
      expect(decodeDirTree(bytes)).toEqual({ files, dirs })
    }
  })

  it('sorts names by bytes, not as strings', () => {
    const [low, high] = ['\uffff', '\u{10000}']
    expect(high < low).toBe(true)
    const inOrder = [low, high].map((name) => ({ name, checksum: sum(1) }))
    expect(decodeDirTree(encodeDirTree({ files: inOrder, dirs: [] })).files).toEqual(inOrder)
    expect(() => encodeDirTree({ files: inOrder.reverse(), dirs: [] })).toThrowError(/byte order/)
  })

  it.each(['', '.', '..', 'a/b', 'a\0b', '\udc80'])('refuses to write the name %j', (name) => {
    expect(() => encodeDirTree({ files: [{ name, checksum: sum(1) }], dirs: [] })).toThrowError(
      expect.objectContaining({ code: 'STORE_OSTREE_INVALID' }),
    )
  })

  it('refuses a name that is a file and a directory, or given twice', () => {
    const file = { name: 'a', checksum: sum(1) }
    expect(() =>
      encodeDirTree({ files: [file], dirs: [{ name: 'a', tree: sum(1), meta: sum(1) }] }),
    ).toThrowError(/both/)
    expect(() => encodeDirTree({ files: [file, file], dirs: [] })).toThrowError(/twice/)
  })

  const bad: [string, [unknown[], unknown[]]][] = [
    [
      'names out of order',
      [
        [
          ['b', Buffer.alloc(32)],
          ['a', Buffer.alloc(32)],
        ],
        [],
      ],
    ],
    [
      'a name given twice',
      [
        [
          ['a', Buffer.alloc(32)],
          ['a', Buffer.alloc(32)],
        ],
        [],
      ],
    ],
    ['a name with a slash', [[['../x', Buffer.alloc(32)]], []]],
    ['the name ..', [[], [['..', Buffer.alloc(32), Buffer.alloc(32)]]]],
    ['an empty name', [[['', Buffer.alloc(32)]], []]],
    ['a short checksum', [[['a', Buffer.alloc(31)]], []]],
    ['uneven checksums', [[], [['a', Buffer.alloc(31), Buffer.alloc(33)]]]],
    [
      'a file that is a directory too',
      [[['a', Buffer.alloc(32)]], [['a', Buffer.alloc(32), Buffer.alloc(32)]]],
    ],
  ]
  it.each(bad)('refuses %s', (_, value) => {
    expect(() => decodeDirTree(encodeVariant(type, value))).toThrowError(
      expect.objectContaining({ code: 'STORE_OSTREE_CORRUPT' }),
    )
  })

  it('reads damaged bytes as the general codec does, or refuses them', () => {
    fc.assert(
      fc.property(trees, fc.nat(), fc.nat(255), (tree, where, change) => {
        const bytes = encodeDirTree(tree)
        bytes[where % bytes.length]! ^= change
        let decoded: DirTree
        try {
          decoded = decodeDirTree(bytes)
        } catch (error) {
          expect(isBootcError(error, 'STORE_OSTREE_CORRUPT')).toBe(true)
          return
        }
        expect(encodeDirTree(decoded).equals(bytes)).toBe(true)
        expect(decodeVariant(type, bytes)).toBeDefined()
      }),
      { numRuns: 500 },
    )
  })

  it('refuses every truncation', () => {
    const bytes = encodeDirTree({
      files: [{ name: 'file', checksum: sum(7) }],
      dirs: [{ name: 'dir', tree: sum(8), meta: sum(9) }],
    })
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeDirTree(bytes.subarray(0, length))).toThrowError(
        expect.objectContaining({ code: 'STORE_OSTREE_CORRUPT' }),
      )
    }
  })

  it('of 5,000 directories with 41,000 files takes well under a second both ways', () => {
    const tree: DirTree = {
      files: Array.from({ length: 8 }, (_, index) => ({
        name: `library-${index}.so.1`,
        checksum: sum(index),
      })),
      dirs: [{ name: 'sub', tree: sum(1), meta: sum(2) }],
    }
    const start = performance.now()
    for (let index = 0; index < 5000; index++) decodeDirTree(encodeDirTree(tree))
    expect(performance.now() - start).toBeLessThan(1000)
  })
})
