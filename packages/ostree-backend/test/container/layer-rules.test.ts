import { describe, expect, test } from 'vitest'
import type { ImageConfig, ImageManifest } from '@bootc-sdk/core'
import { classifyLayers } from '../../src/container/layer-kinds.js'
import { LayerFilter, type FilterEntry } from '../../src/container/layer-filter.js'
import { imageTimestamp, parseRfc3339 } from '../../src/container/merge-commit.js'
import { parseObjectPath, parseXattrsTarget } from '../../src/container/object-path.js'
import { normalizeSymlinkTarget } from '../../src/container/symlink-target.js'

const hex = (c: string): string => c.repeat(64)
const digest = (c: string): `sha256:${string}` => `sha256:${hex(c)}`

describe('kinds of layers', () => {
  const manifest = (...layers: string[]): ImageManifest => ({
    schemaVersion: 2,
    config: { mediaType: 'c', digest: digest('f'), size: 1 },
    layers: layers.map((c) => ({ mediaType: 'l', digest: digest(c), size: 1 })),
  })
  const config = (final: string | undefined, ...diffIds: string[]): ImageConfig => ({
    architecture: 'amd64',
    os: 'linux',
    ...(final === undefined ? {} : { config: { Labels: { 'ostree.final-diffid': digest(final) } } }),
    rootfs: { type: 'layers', diff_ids: diffIds.map(digest) },
  })

  test('without the label every layer is an ordinary one', () => {
    expect(classifyLayers(manifest('a', 'b'), config(undefined, '1', '2'))).toEqual(['derived', 'derived'])
  })
  test('the label ends the base', () => {
    expect(classifyLayers(manifest('a', 'b', 'c', 'd'), config('3', '1', '2', '3', '4'))).toEqual([
      'commit',
      'component',
      'component',
      'derived',
    ])
    expect(classifyLayers(manifest('a', 'b'), config('1', '1', '2'))).toEqual(['commit', 'derived'])
  })
  test.each([
    ['a label that names no layer', manifest('a'), config('9', '1')],
    ['the last base layer once more', manifest('a', 'b', 'a'), config('1', '1', '2', '1')],
    ['more diffIds than layers', manifest('a'), config(undefined, '1', '2')],
  ])('%s is refused', (_, m, c) => {
    expect(() => classifyLayers(m, c)).toThrow(expect.objectContaining({ code: 'IMAGE_LAYOUT' }))
  })
})

describe('targets of symbolic links', () => {
  test.each([
    ['a//b', 'a/b'],
    ['a/./b', 'a/b'],
    ['../..//x', '../../x'],
    ['x/.', 'x'],
    ['//x', '/x'],
    ['/', '//'],
    ['//', '//'],
    ['/.', '/'],
    ['./a', './a'],
    ['a/', 'a/'],
    ['/a//', '/a/'],
    ['.', '.'],
    ['./', './'],
    ['././x', './x'],
    ['usr/./../etc//foo', 'usr/../etc/foo'],
    [' odd name ', ' odd name '],
  ])('%j becomes %j', (target, result) => expect(normalizeSymlinkTarget(target)).toBe(result))

  test('a result that does not fit the header field is not used', () => {
    const long = `${'a'.repeat(60)}//${'b'.repeat(39)}`
    expect(normalizeSymlinkTarget(long)).toBe(long.replace('//', '/'))
    expect(normalizeSymlinkTarget(`${long}b`)).toBe(`${long}b`)
  })
})

describe('filter of ordinary layers', () => {
  const run = (entry: Partial<FilterEntry>, allowNonUsr = false, filter = new LayerFilter(allowNonUsr)) =>
    filter.entry({ name: '', linkName: '', kind: 'file', mtime: 0, ...entry })

  test.each([
    ['usr/bin/x', 'usr/bin/x'],
    ['/usr//bin/./x', 'usr/bin/x'],
    ['./etc/passwd', 'usr/etc/passwd'],
    ['etc', 'usr/etc'],
    ['var/lib/x', 'var/lib/x'],
    ['run', 'run'],
    ['dev/', 'dev'],
    ['./', ''],
    ['etc.d/x/../'.replace('..', 'y'), undefined],
  ])('%s goes to %s', (name, path) => {
    const result = run({ name })
    expect('parts' in result ? result.parts.join('/') : undefined).toBe(path)
  })

  test('what lies elsewhere stays only when the base can hold it', () => {
    expect(run({ name: 'opt/x' }, true)).toEqual({ action: 'keep', parts: ['opt', 'x'] })
    expect(run({ name: 'opt/x' })).toEqual({ action: 'drop' })
    expect(run({ name: '.wh.etc' })).toEqual({ action: 'drop' })
  })

  test('losses are counted by first component, below API directories by the second', () => {
    const filter = new LayerFilter(false)
    for (const name of ['opt/a', 'opt/b', 'run/lock/x', 'run/lock/y', 'dev/null'])
      run({ name }, false, filter)
    expect([...filter.dropped]).toEqual([
      ['opt', 2],
      ['lock', 2],
      ['null', 1],
    ])
  })

  test('targets of hard links in /etc follow the move, others stay', () => {
    const target = (linkName: string) => run({ name: 'usr/x', kind: 'hardlink', linkName })
    expect(target('./etc/a')).toMatchObject({ target: ['usr', 'etc', 'a'] })
    expect(target('/etc/a')).toMatchObject({ target: ['usr', 'etc', 'a'] })
    expect(target('usr/lib/a')).toMatchObject({ target: ['usr', 'lib', 'a'] })
  })

  test('a changed repository object lies under its first hard link, later links point there', () => {
    const filter = new LayerFilter(false)
    const name = 'sysroot/ostree/repo/objects/aa/bb.file'
    const link = (at: string) => run({ name: at, kind: 'hardlink', linkName: name, mtime: 9 }, false, filter)
    expect(link('usr/bin/early')).toEqual({ action: 'drop' })
    expect(run({ name, mtime: 9 }, false, filter)).toEqual({ action: 'setAside', key: name })
    expect(link('usr/bin/a')).toEqual({ action: 'takeAside', parts: ['usr', 'bin', 'a'], key: name })
    expect(link('opt/b')).toEqual({ action: 'link', parts: ['opt', 'b'], target: ['usr', 'bin', 'a'] })
  })

  test('such a link into /etc is refused, it would end outside /usr/etc', () => {
    const filter = new LayerFilter(false)
    const name = 'sysroot/ostree/repo/objects/aa/bb.file'
    run({ name, mtime: 9 }, false, filter)
    expect(() => run({ name: 'etc/a', kind: 'hardlink', linkName: name, mtime: 9 }, false, filter)).toThrow(
      expect.objectContaining({
        code: 'IMAGE_TAR_UNSUPPORTED',
        details: expect.objectContaining({ entry: 'etc/a' }),
      }),
    )
  })

  test.each([
    '../x',
    'usr/../../x',
    'usr/..',
    'a\0b',
    'usr/\udcff',
    `usr/${'x'.repeat(256)}`,
    'y/'.repeat(2048),
  ])('the name %j is refused', (name) => {
    expect(() => run({ name })).toThrow(expect.objectContaining({ code: 'IMAGE_TAR_PATH' }))
  })

  test('a name may hold newlines and spaces', () => {
    expect(run({ name: 'usr/a\nb /c' })).toEqual({ action: 'keep', parts: ['usr', 'a\nb ', 'c'] })
  })
})

describe('objects in ostree layers', () => {
  const at = (rest: string) => parseObjectPath(`./sysroot/ostree/repo/${rest}`)
  const stem = `objects/aa/${'b'.repeat(62)}`
  const checksum = `aa${'b'.repeat(62)}`

  test.each([
    [`${stem}.commit`, { kind: 'commit', checksum }],
    [`${stem}.file`, { kind: 'file', checksum }],
    [`${stem}.file-xattrs-link`, { kind: 'xattrsLink', checksum }],
    [`${stem}.file-xattrs`, { kind: 'xattrs', checksum }],
    [`${stem}.file.xattrs`, { kind: 'xattrsLink', checksum }],
    [`xattrs/${hex('c')}`, { kind: 'xattrs', checksum: hex('c') }],
    ['config', undefined],
    ['refs/heads/x', undefined],
  ])('%s is recognised', (rest, expected) => expect(at(rest)).toEqual(expected))

  test('paths outside the repository are for container runtimes only', () => {
    expect(parseObjectPath('usr/bin/bash')).toBeUndefined()
  })
  test.each([
    `${stem}.weird`,
    'objects/aa/short.file',
    `objects/AA/${'b'.repeat(62)}.file`,
    'tmp/x',
    'objects/aa',
  ])('%s is refused', (rest) => {
    expect(() => at(rest)).toThrow(expect.objectContaining({ code: 'IMAGE_OSTREE_LAYER' }))
  })
  test('links to attributes name them by path', () => {
    expect(parseXattrsTarget('x', `sysroot/ostree/repo/${stem}.file-xattrs`)).toBe(checksum)
    expect(parseXattrsTarget('x', `../xattrs/${hex('c')}`)).toBe(hex('c'))
  })
})

describe('time of an image', () => {
  test.each([
    ['2023-11-14T22:13:20Z', 1_700_000_000],
    ['2023-11-14T22:13:20.999999999Z', 1_700_000_000],
    ['2023-11-15T00:13:20+02:00', 1_700_000_000],
    ['2023-11-14T20:43:20-01:30', 1_700_000_000],
    ['2023-11-14', undefined],
    ['2023-02-30T00:00:00Z', undefined],
    ['2023-11-14T24:00:00Z', undefined],
    ['Tue, 14 Nov 2023 22:13:20 GMT', undefined],
    ['1969-12-31T23:59:59Z', undefined],
  ])('%s is %s', (text, seconds) => expect(parseRfc3339(text)).toBe(seconds))

  test('an annotation that cannot be read does not fall back to the config', () => {
    const config = {
      architecture: 'a',
      os: 'l',
      created: '2023-11-14T22:13:20Z',
      rootfs: { type: 'layers', diff_ids: [] },
    }
    const manifest = { schemaVersion: 2, config: { mediaType: '', digest: digest('a'), size: 0 }, layers: [] }
    expect(imageTimestamp({ manifest, config }, 5)).toBe(1_700_000_000)
    const annotated = { ...manifest, annotations: { 'org.opencontainers.image.created': 'soon' } }
    expect(imageTimestamp({ manifest: annotated, config }, 5)).toBe(5)
  })
})
