import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createTarParser, packTar } from '@bootc-sdk/core/tar'
import type { TarMember } from '@bootc-sdk/core/tar'
import { isBootcError } from '@bootc-sdk/core'
import { VerityHasher, verityDigest } from '../../src/format/verity.js'
import { S_IFMT } from '../../src/tree/inode.js'
import type { FileTree, Inode } from '../../src/tree/inode.js'
import { LayerApplier } from '../../src/tree/layer-applier.js'
import { describeTree } from './describe-tree.js'
import { layered } from './layers.js'

const component = fc.constantFrom('a', 'b', 'c', '.wh.a', '.wh.b', '.wh..wh..opq')
const path = fc.array(component, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
const member: fc.Arbitrary<TarMember> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ name: path, type: fc.constant('directory' as const), mtime: fc.nat(9) }),
  },
  { weight: 3, arbitrary: fc.record({ name: path, data: fc.constantFrom('', 'x', 'y'.repeat(70)) }) },
  { weight: 2, arbitrary: fc.record({ name: path, type: fc.constant('hardlink' as const), linkName: path }) },
  { weight: 1, arbitrary: fc.record({ name: path, type: fc.constant('symlink' as const), linkName: path }) },
)
/** Something to work on. */
const base: TarMember[] = [
  ...['a', 'b', 'a/a', 'a/b', 'b/c'].map((name) => ({ name, type: 'directory' as const })),
  ...['c', 'a/c', 'a/a/a', 'b/a', 'b/c/b'].map((name) => ({ name, data: name })),
]
const layers = fc
  .array(fc.array(member, { maxLength: 5 }), { minLength: 1, maxLength: 3 })
  .map((random) => [base, ...random])

/** Without the members for which the layers would be refused. */
function withoutRefused(given: readonly (readonly TarMember[])[]): TarMember[][] {
  const kept: TarMember[][] = []
  for (const layer of given) {
    kept.push([])
    for (const entry of layer) {
      kept.at(-1)!.push(entry)
      if (model(kept) === undefined) kept.at(-1)!.pop()
    }
  }
  return kept
}

/** Everything by its full path, as one would do it by hand; undefined where the layers are refused. */
function model(given: readonly (readonly TarMember[])[]): Map<string, object> | undefined {
  const files = new Map<string, object>()
  const isDirectory = (at: string): boolean => at === '' || (files.get(at) as TarMember)?.type === 'directory'
  const removeBelow = (at: string): void => {
    for (const known of [...files.keys()]) if (known.startsWith(`${at}/`)) files.delete(known)
  }
  for (const entry of given.flat()) {
    const parent = entry.name.split('/').slice(0, -1).join('/')
    const name = entry.name.split('/').at(-1)!
    if (!isDirectory(parent)) return undefined
    const full = (own: string): string => (parent === '' ? own : `${parent}/${own}`)
    if (name === '.wh..wh..opq') {
      if (parent === '') files.clear()
      else removeBelow(parent)
    } else if (name.startsWith('.wh.')) {
      files.delete(full(name.slice(4)))
      removeBelow(full(name.slice(4)))
    } else if (entry.type === 'hardlink') {
      const target = files.get(entry.linkName!)
      if (target === undefined || isDirectory(entry.linkName!)) return undefined
      files.set(entry.name, target)
      removeBelow(entry.name)
    } else {
      if (entry.type !== 'directory') removeBelow(entry.name)
      files.set(entry.name, { ...entry })
    }
  }
  return files
}

function flatten(tree: FileTree): Map<string, Inode> {
  const all = new Map<string, Inode>()
  const walk = (inode: Inode, at: string): void => {
    for (const [name, child] of inode.children ?? []) {
      const below = at === '' ? name : `${at}/${name}`
      all.set(below, child)
      walk(child, below)
    }
  }
  walk(tree.root, '')
  return all
}

test('layers give what doing it by hand gives', async () => {
  let accepted = 0
  await fc.assert(
    fc.asyncProperty(layers, fc.boolean(), async (random, isRaw) => {
      const given = isRaw ? random : withoutRefused(random)
      const expected = model(given)
      let tree: FileTree
      try {
        tree = await layered(given)
      } catch (error) {
        expect(isBootcError(error, 'STORE_COMPOSEFS_BAD_LAYER')).toBe(true)
        expect(expected).toBeUndefined()
        return
      }
      expect(expected).toBeDefined()
      accepted++
      const found = flatten(tree)
      expect([...found.keys()].sort()).toEqual([...expected!.keys()].sort())
      const inodes = new Map<object, Inode>()
      for (const [at, entry] of expected!) {
        const inode = found.get(at)!
        const { type = 'file', data = '', linkName = '', mtime = 0 } = entry as TarMember
        const bits = { file: 0o100000, directory: 0o040000, symlink: 0o120000 }[type as 'file']
        expect([inode.mode & S_IFMT, inode.mtimeSec, inode.target]).toEqual([bits, mtime, linkName])
        expect(Number(inode.size)).toBe(data.length)
        expect(inode.digest).toBe(data.length > 64 ? verityDigest(Buffer.from(data), 'sha256') : '')
        // Names of one file lead to one inode, names of two files to two.
        expect(inodes.get(entry) ?? inode).toBe(inode)
        inodes.set(entry, inode)
        if (type !== 'directory') {
          expect(inode.nlink).toBe([...expected!.values()].filter((other) => other === entry).length)
        }
      }
      expect(new Set(inodes.values()).size).toBe(inodes.size)
    }),
    { numRuns: 400 },
  )
  expect(accepted).toBeGreaterThan(150)
})

test('it makes no difference how a layer is cut, nor whether content is in it or in objects', async () => {
  const given: TarMember[] = [
    { name: 'd', type: 'directory', pax: { mtime: '5.25' } },
    { name: `d/${'n'.repeat(200)}`, data: 'x'.repeat(1000) },
    { name: 'd/small', data: 'y'.repeat(64) },
    { name: 'd/link', type: 'hardlink', linkName: 'd/small' },
    { name: 'd/large', data: 'z'.repeat(65), xattrs: [{ name: 'user.x', value: Buffer.from('v') }] },
  ]
  const tar = packTar(given)
  const whole = describeTree(await layered([given]))
  for (const size of [1, 7, 512, 700]) {
    const applier = new LayerApplier()
    const layer = applier.layer('sha256:1', () => new VerityHasher('sha256'))
    for (let at = 0; at < tar.length; at += size) layer.push(tar.subarray(at, at + size))
    layer.end()
    expect(describeTree(applier.finish())).toEqual(whole)
  }
  expect(describeTree(fromPieces(tar))).toEqual(whole)
})

/** As a splitstream holds it: all but the content of larger files. */
function fromPieces(tar: Buffer): FileTree {
  const large: { start: number; end: number }[] = []
  const parser = createTarParser({
    entry({ sizeBytes, dataOffset }) {
      if (sizeBytes > 64) large.push({ start: dataOffset, end: dataOffset + sizeBytes })
    },
    data() {},
    end() {},
  })
  parser.push(tar)
  parser.end()
  const applier = new LayerApplier()
  const layer = applier.layer('sha256:1')
  let at = 0
  for (const { start, end } of large) {
    layer.push(tar.subarray(at, start))
    expect(layer.object(verityDigest(tar.subarray(start, end), 'sha256'))).toBe(end - start)
    at = end
  }
  layer.push(tar.subarray(at))
  layer.end()
  return applier.finish()
}
