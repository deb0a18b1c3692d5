import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { buildImage, dir, file, whiteout, type LayerSpec } from '../../src/testing/index.js'
import { ociTransport } from '../../src/transports/index.js'
import { groupsAnnotation, roleAnnotation } from '../../src/rechunk/index.js'
import { imageOf, namesOf, noise, packages, rechunk, workspace } from './support.js'

test('a changed package costs its layer, all others are those of before', async () => {
  const at = await workspace()
  const before = await rechunk(imageOf(packages([], 40)), at('1'), { maxLayers: 10 })
  const after = await rechunk(imageOf(packages([7], 40)), at('2'), { maxLayers: 10, from: at('1') })
  const fresh = after.layers.filter(({ kept }) => !kept)
  // Either the layer of the package is made anew, or what is new lies on top of it.
  expect(fresh.length).toBeLessThanOrEqual(2)
  const digests = new Set(before.layers.map(({ descriptor }) => descriptor.digest))
  for (const { descriptor, kept } of after.layers) expect(digests.has(descriptor.digest)).toBe(kept)
  expect(after.layers.map(({ groups }) => groups)).toEqual(before.layers.map(({ groups }) => groups))
  expect(after.warnings).toEqual([])
  const again = await rechunk(imageOf(packages([7], 40)), at('3'), { maxLayers: 10, from: at('1') })
  expect(again.manifestDigest).toBe(after.manifestDigest)
})

test('the same image keeps every layer', async () => {
  const at = await workspace()
  const before = await rechunk(imageOf(packages()), at('1'))
  const after = await rechunk(imageOf(packages()), at('2'), { from: at('1') })
  expect(after.manifestDigest).toBe(before.manifestDigest)
  expect(after.layers.every(({ kept }) => kept)).toBe(true)
  expect(after.copiedBytes).toBe(0)
})

test('layers are taken over although they were compressed in another way, and copied where they are missing', async () => {
  const [at, elsewhere] = [await workspace(), await workspace()]
  await rechunk(imageOf(packages()), at('1'), { compression: 'none' })
  const after = await rechunk(imageOf(packages()), elsewhere('2'), { from: at('1'), compression: 'gzip' })
  expect(after.layers.every(({ kept, descriptor }) => kept && descriptor.mediaType.endsWith('.tar'))).toBe(
    true,
  )
  expect(after.skippedBytes).toBe(0)
  await expect(ociTransport().resolve(elsewhere('2'))).resolves.toBeDefined()
})

test('changes lie on top, with whiteouts for what is gone, until they are too many', async () => {
  const at = await workspace()
  const wide = (changed: number, removed: number): LayerSpec => {
    const entries = [dir('usr')]
    for (let n = 0; n < 100; n++) {
      if (n >= 100 - removed) continue
      entries.push(file(`usr/f${n}`, noise(`${n} ${n < changed ? 2 : 1}`, 6000)))
    }
    return { entries }
  }
  await rechunk(imageOf(wide(0, 0)), at('1'))
  const few = await rechunk(imageOf(wide(2, 3)), at('2'), { from: at('1') })
  expect(few.layers.map(({ kept }) => kept)).toEqual([true, true, false])
  const top = (await namesOf(at('2'), -1)).filter((name) => !name.endsWith('/'))
  expect(top).toEqual(['usr/.wh.f97', 'usr/.wh.f98', 'usr/.wh.f99', 'usr/f0', 'usr/f1'])
  const many = await rechunk(imageOf(wide(40, 0)), at('3'), { from: at('2') })
  expect(many.layers[1]!.kept).toBe(false)
  expect((await namesOf(at('3'), -1)).filter((name) => !name.endsWith('/'))).toEqual([])
})

test('an earlier image that is not there is a warning', async () => {
  const at = await workspace()
  const { manifestDigest } = await rechunk(imageOf(packages()), at('2'))
  const result = await rechunk(imageOf(packages()), at('1'), { from: at('0') })
  expect(result.warnings.map(({ code }) => code)).toEqual(['rechunk:previous-missing'])
  expect(result.manifestDigest).toBe(manifestDigest)
})

test('an earlier image of another kind is a warning', async () => {
  const at = await workspace()
  const { name } = at('0')
  await imageOf(packages()).writeOciLayout(name.slice(0, name.lastIndexOf(':')), '0')
  const unmarked = await rechunk(imageOf(packages()), at('1'), { from: at('0') })
  expect(unmarked.warnings.map(({ code }) => code)).toEqual(['rechunk:previous-unmarked'])
  const other = imageOf({
    entries: [dir('opt'), file('opt/big', noise('big', 9_000_000)), file('opt/x', 'x')],
  })
  const unrelated = await rechunk(other, at('2'), { from: at('1') })
  expect(unrelated.warnings.map(({ code }) => code)).toEqual(['rechunk:previous-unrelated'])
})

test('the order of another tool is followed', async () => {
  const at = await workspace()
  const names = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => `p${from + i}`).join(',')
  const layers = [
    { entries: [], annotations: { 'ostree.components': names(0, 5) } },
    { entries: [], annotations: { 'ostree.components': names(5, 20) } },
  ]
  const { name } = at('0')
  await buildImage({ layers }).writeOciLayout(name.slice(0, name.lastIndexOf(':')), '0')
  const result = await rechunk(imageOf(packages()), at('1'), { from: at('0') })
  const withP0 = result.layers.find(({ groups }) => groups.includes('pkg:p0'))
  expect(withP0?.groups.filter((id) => id.startsWith('pkg:'))).toEqual([
    'pkg:p0',
    'pkg:p1',
    'pkg:p2',
    'pkg:p3',
    'pkg:p4',
  ])
})

test('an earlier layer that cannot be read any more is made anew', async () => {
  const at = await workspace()
  const before = await rechunk(imageOf(packages([], 20)), at('1'), { maxLayers: 3 })
  const { name } = at('1')
  const digest = before.layers[1]!.descriptor.digest
  await rm(join(name.slice(0, name.lastIndexOf(':')), 'blobs/sha256', digest.slice(7)))
  const result = await rechunk(imageOf(packages([3], 20)), at('2'), { maxLayers: 3, from: at('1') })
  expect(result.warnings).toMatchObject([{ code: 'rechunk:previous-unreadable', details: { digest } }])
  expect(result.layers[1]!.kept).toBe(false)
})

test('an earlier layer with whiteouts of its own is not kept', async () => {
  const at = await workspace()
  const content = { [roleAnnotation]: 'content', [groupsAnnotation]: 'dir:/' }
  const entries = [dir('usr'), file('usr/a', noise('a', 9000)), file('usr/b', noise('b', 300))]
  const { name } = at('0')
  await buildImage({
    layers: [
      { entries: [], annotations: { [roleAnnotation]: 'base' } },
      { entries: [...entries.slice(0, 2), whiteout('usr/b')], annotations: content },
    ],
  }).writeOciLayout(name.slice(0, name.lastIndexOf(':')), '0')
  const { layers } = await rechunk(imageOf({ entries }), at('1'), { from: at('0') })
  expect(layers.some(({ kept }) => kept)).toBe(false)
})
