import { describe, expect, it } from 'vitest'
import { parseDump } from '../../src/format/dump/parse.js'
import { readErofs } from '../../src/format/erofs/read.js'
import { writeErofs } from '../../src/format/erofs/write.js'
import { diffTrees } from '../../src/tree/diff.js'
import type { FileTree } from '../../src/tree/inode.js'
import { goldenImages, readGolden } from './golden-images.js'

const images = goldenImages().filter(({ image }) => image !== undefined)
const named = (name: string, variant: string) => {
  const found = images.find((image) => image.name === name && image.variant === variant)
  return readErofs(found!.image!())
}

/** What the format or the writer cannot keep; everything else must come back. */
const lost: Readonly<Record<string, (line: string) => boolean>> = {
  '16-whiteouts-opaque-parent c:default': (line) => line.includes('overlay.opaque "y" -> none'),
  '16-whiteouts-opaque-parent c:min-version=1': (line) => line.includes('overlay.opaque "y" -> none'),
}

function isLost({ name, variant }: { name: string; variant: string }, line: string): boolean {
  if (variant.startsWith('rs:V2') && /mtime (-?\d+)\.\d+ -> \1\.000000000$/.test(line)) return true
  // composefs-rs counts links, and leaves a whiteout that looks like a stub as one.
  if (variant.startsWith('rs:') && name === '20-nlink-overflow') return line.includes(': nlink ')
  if (/^rs:V[01]/.test(variant) && name === '17-whiteout-stub-lookalike')
    return line.startsWith('removed /5a:')
  return lost[`${name} ${variant}`]?.(line) ?? false
}

describe('images of the real tools', () => {
  it.each(images)('$name of $variant is the tree it was made from', (golden) => {
    const { input, options, image } = golden
    const source = parseDump(readGolden(input), { flavor: options.flavor ?? 'c' })
    const lines = [...diffTrees(source, readErofs(image!()).tree())]
    expect(lines.filter((line) => !isLost(golden, line))).toEqual([])
  })

  it.each(images)('$name of $variant is written again from what was read', ({ options, image }) => {
    const bytes = image!()
    const read = readErofs(bytes)
    const only = read.version as 0 | 1
    const version = options.flavor === 'c' ? { min: only, max: only } : read.version
    expect(Buffer.compare(writeErofs(read.tree(), { ...options, version }), bytes)).toBe(0)
  })

  const dumped = images.filter(({ infoDump }) => infoDump !== undefined)
  it.each(dumped)('$name of $variant is shown as composefs-info shows it', ({ image, infoDump }) => {
    // The tool leaves the content of what it shows as a whiteout empty, not absent.
    const text = readGolden(infoDump!).toString('latin1').replaceAll(' -  - ', ' - - - ')
    const shown = parseDump(Buffer.from(text, 'latin1'))
    expect([...diffTrees(shown, readErofs(image!()).tree({ convention: 'c' }))]).toEqual([])
  })

  it('shows composefs-rs without whiteouts of the root that look like stubs, and without opaque', () => {
    const image = named('15-whiteouts', 'c:default')
    const [source, c, rs] = (['source', 'c', 'rs'] as const).map((convention) => image.tree({ convention }))
    expect([...diffTrees(c!, source!)]).toEqual([
      'changed /: xattr trusted.overlay.opaque "x" -> none',
      'changed /: xattr user.overlay.opaque "x" -> none',
      'changed /dir: xattr trusted.overlay.opaque "x" -> none',
      'changed /dir: xattr user.overlay.opaque "x" -> none',
    ])
    const lines = [...diffTrees(source!, rs!)]
    expect(lines.map((line) => line.split(':')[0])).toEqual(['removed /cd'])
  })
})

describe('an image', () => {
  it('says what it is', () => {
    const image = named('02-basic-types', 'rs:V1:sha512')
    expect([image.version, image.algorithm, image.inodeCount]).toEqual([1, 'sha512', 269])
    expect(named('01-empty-root', 'rs:V2:sha256').algorithm).toBeUndefined()
  })

  it('finds inodes by path, and does not follow links', () => {
    const image = named('02-basic-types', 'c:default')
    expect(image.lookup('')).toBe(image.root)
    expect(image.lookup('/')?.nid).toBe(image.root.nid)
    const file = image.lookup('dir/inline')!
    expect(Buffer.from(image.content(file)).toString()).toBe('hello world\n')
    expect(image.lookup('/dir/inline')?.nid).toBe(file.nid)
    expect(image.target(image.lookup('/dir/link')!)).toBe('../target/file')
    expect(image.lookup('/dir/none')).toBeUndefined()
    expect(image.lookup('/dir/inline/below')).toBeUndefined()
    expect(image.lookup('/dir/link/below')).toBeUndefined()
    expect(image.external(file)).toBeUndefined()
    expect(image.external(image.lookup('/dir/external')!)).toMatchObject({ sizeBytes: 12345 })
  })

  it('gives content that is the reader’s own', () => {
    const image = named('02-basic-types', 'c:default')
    const file = image.lookup('/dir/inline')!
    image.content(file).fill(0)
    expect(Buffer.from(image.content(file)).toString()).toBe('hello world\n')
  })

  it('is walked depth first in byte order, links marked', () => {
    const image = named('12-hardlinks', 'rs:V2:sha256')
    const seen = [...image.walk()].map(({ path, again, depth }) => [path, depth, again])
    expect(seen).toEqual([
      ['/', 0, false],
      ['/a', 1, false],
      ['/a/deep', 2, false],
      ['/a/deep/orig', 3, false],
      ['/a/link1', 2, true],
      ['/b', 1, false],
      ['/b/ext', 2, false],
      ['/b/link2', 2, true],
      ['/c', 1, false],
      ['/c/extlink', 2, true],
      ['/c/sym', 2, false],
      ['/c/sym2', 2, true],
      ['/dev', 1, false],
      ['/dev2', 1, true],
      ['/z', 1, false],
      ['/zz', 1, true],
    ])
  })

  it('shares one inode among the names of a file', () => {
    const { root } = named('12-hardlinks', 'c:default').tree()
    const at = (path: string) =>
      path.split('/').reduce((node, name) => node?.children?.get(name), rootOf({ root }))
    expect(at('a/link1')).toBe(at('a/deep/orig'))
    expect(at('b/link2')).toBe(at('a/deep/orig'))
    expect(at('z')).not.toBe(at('dev'))
  })

  it('lists each object once, by digest or else by path', () => {
    const { input, image } = images.find(
      ({ name, variant }) => name === '11-external-sizes' && variant === 'c:default',
    )!
    const lines = readGolden(input)
      .toString()
      .split('\n')
      .filter((line) => / 10\d{4} /.test(line))
    const wanted = lines
      .map((line) => line.split(' '))
      .map((fields) => fields[8]!)
      .filter((path) => path !== '-')
    const objects = [...readErofs(image!()).objects()]
    expect(objects.map(({ path }) => path).sort()).toEqual([...new Set(wanted)].sort())
    expect(new Set(objects.map(({ digest }) => digest)).size).toBe(objects.length)
    for (const { path, digest } of objects) expect(path.replace('/', '')).toBe(digest)
  })

  it('reads sizes beyond 2^53 exactly', () => {
    const { root } = named('11-external-sizes', 'c:default').tree()
    const sizes = [...root.children!.values()]
      .map(({ size }) => size)
      .filter((size) => typeof size === 'bigint')
    expect(sizes.length).toBeGreaterThan(0)
    for (const size of sizes) expect(Number.isSafeInteger(Number(size))).toBe(false)
  })
})

function rootOf(tree: FileTree) {
  return tree.root as typeof tree.root | undefined
}
