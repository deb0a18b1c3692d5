import { expect, test } from 'vitest'
import type { RechunkEvent } from '../../src/rechunk/index.js'
import { buildImage, dir, file, hardlink, opaque, symlink, whiteout } from '../../src/testing/index.js'
import { ociTransport } from '../../src/transports/index.js'
import { imageOf, namesOf, noise, packages, rechunk, workspace } from './support.js'

test('the same image gives the same bytes, however its layers were cut', async () => {
  const at = await workspace()
  const [first, second] = [packages(), { entries: [dir('usr/q'), file('usr/q/f', 'q', { mtime: 3 })] }]
  const one = await rechunk(imageOf(first, second), at('1'))
  const two = await rechunk(imageOf(first, second), at('2'))
  expect(two.manifestDigest).toBe(one.manifestDigest)
  // Nothing is written twice.
  expect(two.copiedBytes).toBe(0)
  const joined = await rechunk(imageOf({ entries: [...first.entries!, ...second.entries] }), at('3'))
  expect(joined.layers.map(({ descriptor }) => descriptor)).toEqual(
    one.layers.map(({ descriptor }) => descriptor),
  )
})

test('every file is in one layer, with its package, between directories below and above', async () => {
  const at = await workspace()
  const { layers, database } = await rechunk(imageOf(packages()), at('1'))
  expect(database).toBe('dpkg')
  expect(layers.map(({ role }) => role)).toEqual([
    'base',
    ...Array.from({ length: layers.length - 2 }, () => 'content'),
    'top',
  ])
  const groups = layers.flatMap((layer) => layer.groups)
  expect(new Set(groups).size).toBe(groups.length)
  expect([...groups].sort()).toEqual(['dir:/', ...Array.from({ length: 20 }, (_, p) => `pkg:p${p}`)].sort())
  const names = await Promise.all(layers.map((_, i) => namesOf(at('1'), i)))
  const files = names.flat().filter((name) => !name.endsWith('/'))
  expect(files.length).toBe(60)
  expect(new Set(files).size).toBe(60)
  // Parents come with them, /usr first.
  const withP3 = names.find((layer) => layer.includes('usr/p3/a'))!
  expect(withP3.slice(0, 2)).toEqual(['./', 'usr/'])
  expect(withP3.indexOf('usr/p3/')).toBeLessThan(withP3.indexOf('usr/p3/a'))
})

test.each([1, 2, 3, 5, 1000])('at most %i layers', async (maxLayers) => {
  const at = await workspace()
  const { layers } = await rechunk(imageOf(packages()), at('1'), { maxLayers })
  expect(layers.length).toBeLessThanOrEqual(maxLayers)
  expect(layers.reduce((sum, { files }) => sum + files, 0)).toBe(60)
  const image = await ociTransport().resolve(at('1'))
  expect(image.manifest.layers.length).toBe(layers.length)
})

test.each([0, -1, 1.5, 1025, NaN])('%f is no number of layers', async (maxLayers) => {
  const at = await workspace()
  await expect(rechunk(imageOf(packages()), at('1'), { maxLayers })).rejects.toThrow(RangeError)
})

test('config and manifest tell of the new layers and keep everything else', async () => {
  const at = await workspace()
  const source = buildImage({
    labels: { 'containers.bootc': '1', 'ostree.final-diffid': 'sha256:x', 'ostree.commit': 'y', other: 'z' },
    annotations: { 'ostree.final-diffid': 'sha256:x', kept: '1' },
    layers: [packages(), { entries: [file('etc', 'x')] }],
    architecture: 'arm64',
    variant: 'v8',
    config: (config) => ({
      ...config,
      author: 'me',
      config: { ...config.config, Cmd: ['/sbin/init'], Env: ['A=1'] },
    }),
  })
  const { layers } = await rechunk(source, at('1'))
  const { config, manifest } = await ociTransport().resolve(at('1'))
  expect(config).toMatchObject({
    author: 'me',
    architecture: 'arm64',
    variant: 'v8',
    created: source.config.created,
  })
  expect(config.config).toEqual({
    Cmd: ['/sbin/init'],
    Env: ['A=1'],
    Labels: { 'containers.bootc': '1', other: 'z' },
  })
  expect(manifest.annotations).toEqual({ kept: '1' })
  expect(config.rootfs.diff_ids).toEqual(layers.map(({ diffId }) => diffId))
  expect(config.history?.length).toBe(layers.length)
  expect(config.history?.[0]?.created_by).toBe('bootc-sdk image rechunk: directories')
})

test('objects of an encapsulated image go, the names that link to them stay', async () => {
  const at = await workspace()
  const object = 'sysroot/ostree/repo/objects/aa/bb.file'
  const source = buildImage({
    labels: { 'ostree.final-diffid': 'sha256:x' },
    layers: [
      {
        entries: [
          ...['sysroot', 'sysroot/ostree', 'sysroot/ostree/repo', 'sysroot/ostree/repo/objects'].map((p) =>
            dir(p),
          ),
          dir('sysroot/ostree/repo/objects/aa'),
          file(object, 'content'),
          dir('usr'),
          hardlink('usr/one', object),
          hardlink('usr/two', object),
        ],
      },
    ],
  })
  await rechunk(source, at('1'), { maxLayers: 1 })
  expect(await namesOf(at('1'), 0)).toEqual(['./', 'usr/', 'sysroot/', 'usr/one', 'usr/two->usr/one'])
})

test('what upper layers hide or replace is gone', async () => {
  const at = await workspace()
  const below = {
    entries: [dir('a'), file('a/x', '1'), dir('b'), file('b/x', '1'), dir('c'), file('c/x'), file('d')],
  }
  const above = {
    entries: [
      // In front of the whiteout, and still there.
      dir('a'),
      file('a/y', '2'),
      opaque('a'),
      whiteout('b'),
      symlink('c', 'a'),
      whiteout('d'),
      file('d', 'again'),
      file('d', 'and again'),
    ],
  }
  await rechunk(imageOf(below, above), at('1'), { maxLayers: 1 })
  expect(await namesOf(at('1'), 0)).toEqual(['./', 'a/', 'a/y', 'c', 'd'])
})

test('an image of nothing is one of nothing', async () => {
  const at = await workspace()
  for (const layers of [[], [{ entries: [] }]]) {
    const { layers: made } = await rechunk(imageOf(...layers), at('1'))
    expect(made.map(({ role }) => role)).toEqual(['base', 'top'])
    expect(await namesOf(at('1'), 0)).toEqual(['./'])
  }
})

test('late times become the given one, of files and of the image', async () => {
  const at = await workspace()
  const entries = [
    dir('usr', { mtime: 2000.5 }),
    file('usr/early', 'x', { mtime: 999.25 }),
    file('usr/late', 'x', { mtime: 1000.5 }),
  ]
  await rechunk(imageOf({ entries }), at('1'), { maxLayers: 1, newestSeconds: 1000 })
  expect(await namesOf(at('1'), 0, true)).toEqual(['./@0', 'usr/@1000', 'usr/early@999.25', 'usr/late@1000'])
  const { config } = await ociTransport().resolve(at('1'))
  expect(config.created).toBe('1970-01-01T00:16:40Z')
})

test('progress ends where it said it would', async () => {
  const at = await workspace()
  const events: RechunkEvent[] = []
  const source = imageOf(packages())
  const { layers } = await rechunk(source, at('1'), { onProgress: (event) => void events.push(event) })
  const ends = events.flatMap((event) =>
    'bytes' in event.detail && event.detail.bytes === event.detail.totalBytes ? [event.type] : [],
  )
  expect(ends.filter((type) => type === 'rechunk:read').length).toBe(1)
  expect(ends.filter((type) => type === 'rechunk:write').length).toBe(layers.length)
  expect(ends.filter((type) => type === 'copy:blob').length).toBe(layers.length + 1)
})

test('an abort rejects with its reason and leaves no image', async () => {
  const at = await workspace()
  const stop = new AbortController()
  const reason = new Error('enough')
  const running = rechunk(imageOf(packages()), at('1'), {
    signal: stop.signal,
    onProgress: ({ type }) => void (type === 'rechunk:write' && stop.abort(reason)),
  })
  await expect(running).rejects.toBe(reason)
  await expect(ociTransport().resolve(at('1'))).rejects.toMatchObject({ code: 'IMAGE_LAYOUT_INVALID' })
})

const hostile = {
  'a path that leads out': ['IMAGE_TAR_PATH', [file('usr/../../etc/passwd', 'x')]],
  'a hard link that leads out': ['IMAGE_TAR_PATH', [file('a', 'x'), hardlink('b', '../a')]],
  'a hard link to nothing': ['IMAGE_TAR_PATH', [hardlink('b', 'a')]],
  'a hard link to a directory': ['IMAGE_TAR_CONFLICT', [dir('a'), hardlink('b', 'a')]],
  'a file below a file': ['IMAGE_TAR_CONFLICT', [file('a', 'x'), file('a/b', 'x')]],
  'a file below a link': ['IMAGE_TAR_CONFLICT', [dir('d'), symlink('a', 'd'), file('a/b', 'x')]],
  'a root that is a file': ['IMAGE_TAR_CONFLICT', [file('./', 'x')]],
  'a whiteout of nothing': ['IMAGE_TAR_PATH', [file('.wh.', '')]],
  'a whiteout of the parent': ['IMAGE_TAR_PATH', [file('a/.wh...', '')]],
  'a link to nothing': ['IMAGE_TAR_PATH', [symlink('a', '')]],
  'a name longer than names are': ['IMAGE_TAR_PATH', [file('n'.repeat(256), 'x')]],
} as const

test.each(Object.entries(hostile))('%s is refused, and nothing is named', async (_, [code, entries]) => {
  const at = await workspace()
  await expect(rechunk(imageOf({ entries }), at('1'))).rejects.toMatchObject({ code })
  await expect(ociTransport().resolve(at('1'))).rejects.toMatchObject({ code: 'IMAGE_LAYOUT_INVALID' })
})

test('a layer that is not what the config says is refused', async () => {
  const at = await workspace()
  const source = buildImage({
    layers: [packages()],
    config: (config) => ({ ...config, rootfs: { type: 'layers', diff_ids: [`sha256:${'0'.repeat(64)}`] } }),
  })
  await expect(rechunk(source, at('1'))).rejects.toMatchObject({ code: 'IMAGE_DIFFID_MISMATCH' })
})

test('names twice in a layer count once, the last time', async () => {
  const at = await workspace()
  const entries = [dir('usr'), file('usr/a', '1'), file('./usr//a', '22'), dir('/usr/', { mode: 0o700 })]
  const { layers } = await rechunk(imageOf({ entries }), at('1'), { maxLayers: 1 })
  expect(layers[0]!.files).toBe(1)
  expect(await namesOf(at('1'), 0)).toEqual(['./', 'usr/', 'usr/a'])
})

test('a large file has a layer of its own', async () => {
  const at = await workspace()
  const entries = [
    dir('usr'),
    file('usr/big', noise('big', 9_000_000)),
    file('usr/small', noise('s', 300_000)),
  ]
  const { layers } = await rechunk(imageOf({ entries }), at('1'))
  expect(layers.map(({ groups }) => groups.join())).toEqual(['', 'file:/usr/big', 'dir:/', ''])
})
