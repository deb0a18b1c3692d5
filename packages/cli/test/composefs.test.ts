import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { run } from './capture.js'

const golden = join(import.meta.dirname, '../../composefs-backend/test/golden/images')

interface GoldenIndex {
  readonly [name: string]: {
    readonly variants: Readonly<
      Record<
        string,
        { readonly file?: string; readonly fsverity_sha256?: string; readonly fsverity_sha512?: string }
      >
    >
  }
}

async function workspace(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'bootc-sdk-composefs-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}

async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(['composefs', ...args])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout
}

test('mkimage writes what mkcomposefs writes, and prints its digest', async () => {
  const dir = await workspace()
  const index = JSON.parse(await readFile(join(golden, 'index.json'), 'utf8')) as GoldenIndex
  for (const name of ['01-empty-root', '02-basic-types', '15-whiteouts', '23-os-like']) {
    const expected = index[name]!.variants['c:default']!
    const image = join(dir, `${name}.erofs`)
    const digest = await ok('mkimage', '--from-file', '--print-digest', join(golden, `${name}.dump`), image)
    expect(digest).toBe(`${expected.fsverity_sha256}\n`)
    expect(await readFile(image)).toEqual(gunzipSync(await readFile(join(golden, expected.file!))))
    expect(await ok('measure', image)).toBe(digest)
    expect(await ok('diff', image, image)).toBe('')
  }
  expect((await readdir(dir)).filter((name) => name.includes('tmp'))).toEqual([])
})

test('--erofs-version chooses the format', async () => {
  const dir = await workspace()
  const index = JSON.parse(await readFile(join(golden, 'index.json'), 'utf8')) as GoldenIndex
  const { variants } = index['02-basic-types']!
  for (const [version, variant] of [
    ['0', 'c:max-version=0'],
    ['1', 'c:min-version=1'],
    ['2', 'rs:V2:sha256'],
  ] as const) {
    const source = join(golden, '02-basic-types.dump')
    const digest = await ok(
      'mkimage',
      '--from-file',
      '--erofs-version',
      version,
      '--print-digest-only',
      source,
    )
    expect(digest, variant).toBe(`${variants[variant]!.fsverity_sha256}\n`)
  }
  const sha512 = ['--erofs-version', '1', '--algorithm', 'sha512', '--print-digest-only']
  expect(await ok('mkimage', '--from-file', ...sha512, join(golden, '02-basic-types.sha512.dump'))).toBe(
    `${variants['rs:V1:sha512']!.fsverity_sha512}\n`,
  )
  expect((await run(['composefs', 'mkimage', '--erofs-version', '3', 'x', join(dir, 'y')])).code).toBe(2)
})

test('a directory becomes an image whose files can be listed, read and compared', async () => {
  const dir = await workspace()
  const source = join(dir, 'source')
  await mkdir(join(source, 'sub'), { recursive: true })
  await writeFile(join(source, 'small'), 'small\n')
  await writeFile(join(source, 'sub/large'), 'large '.repeat(1000))
  await symlink('small', join(source, 'link'))
  const before = join(dir, 'before')
  const store = join(dir, 'store')
  await ok('mkimage', '--digest-store', store, source, before)
  const listing = await ok('ls', before)
  expect(listing.replace(/@ .*/, '@ OBJECT')).toBe('/link\t-> small\n/small\n/sub/\t\n/sub/large\t@ OBJECT\n')
  expect(await ok('ls', before, 'sub')).toContain('/sub/large')
  expect(await ok('cat', before, '/small')).toBe('small\n')
  expect(await ok('cat', '--basedir', store, before, 'sub/large')).toBe('large '.repeat(1000))
  expect(await ok('objects', '--missing', '--basedir', store, before)).toBe('')
  expect((await ok('objects', '--missing', '--basedir', dir, before)).split('\n')).toHaveLength(2)
  expect((await run(['composefs', 'cat', before, 'sub/large'])).code).toBe(2)

  await writeFile(join(source, 'small'), 'other\n')
  const after = join(dir, 'after')
  await ok('mkimage', source, after)
  const { code, stdout } = await run(['composefs', 'diff', before, after])
  expect(code).toBe(1)
  expect(stdout).toContain('small')
  expect(stdout).not.toContain('large')
})

test('what an image says does not lead out of --basedir', async () => {
  const dir = await workspace()
  await mkdir(join(dir, 'store'))
  await writeFile(join(dir, 'secret'), 'x'.repeat(100))
  const dump = join(dir, 'dump')
  await writeFile(dump, '/ 0 40755 2 0 0 0 0.0 - - -\n/f 100 100644 1 0 0 0 0.0 ../secret - -\n')
  const image = join(dir, 'image')
  const made = await run(['composefs', 'mkimage', '--from-file', dump, image])
  expect(made.code).toBe(0)
  const { code, stderr, stdout } = await run([
    'composefs',
    'cat',
    '--basedir',
    join(dir, 'store'),
    image,
    'f',
  ])
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(/TREE_/)
})

test('a damaged dump or image is told with its place, and nothing is left', async () => {
  const dir = await workspace()
  const dump = join(dir, 'dump')
  await writeFile(dump, '/ 0 40755 2 0 0 0 0.0 - - -\n/f 10 zzz 1 0 0 0 0.0 - - -\n')
  const made = await run(['composefs', 'mkimage', '--from-file', dump, join(dir, 'image')])
  expect(made.code).toBe(1)
  expect(made.stderr).toMatch(/line 2.*STORE_COMPOSEFS_BAD_DUMP/)
  expect(await readdir(dir)).toEqual(['dump'])
  const read = await run(['composefs', 'dump', dump])
  expect(read.code).toBe(1)
  expect(read.stderr).toContain('STORE_COMPOSEFS_BAD_IMAGE')
})

test('a repository: init, create-image, images, fsck, gc', async () => {
  const dir = await workspace()
  const repo = join(dir, 'repo')
  expect(await ok('init', '--repo', repo)).toContain('algorithm: fsverity-sha512-12')
  expect(await ok('images', '--repo', repo)).toBe('No images found\n')
  const source = join(dir, 'source')
  await mkdir(join(source, 'usr/lib'), { recursive: true })
  await writeFile(join(source, 'usr/lib/file'), 'content '.repeat(100))
  const printed = await ok('create-image', '--repo', repo, source, 'kept')
  const id = /^sha512:([0-9a-f]{128})\n$/.exec(printed)![1]!
  expect(await ok('images', '--repo', repo)).toBe(`${id} kept\n`)
  expect(await ok('cat', '--repo', repo, 'kept', 'usr/lib/file')).toBe('content '.repeat(100))
  expect(await ok('fsck', '--repo', repo)).toContain('status: ok')
  expect(await ok('gc', '--repo', repo)).toBe('Objects: 0 removed (0 bytes)\n')
  expect(await ok('verity', 'status', '--repo', repo)).toContain('sha512')

  const [object] = (await ok('objects', '--repo', repo, 'kept')).split('\n')
  await writeFile(join(repo, 'objects', object!), 'tampered with '.repeat(100))
  const { code, stderr, stdout } = await run(['composefs', 'fsck', '--repo', repo])
  expect(code).toBe(1)
  expect(stdout).not.toContain('status: ok')
  expect(stderr).toContain('fsck: object-digest-mismatch:')
  const report = await run(['composefs', 'fsck', '--json', '--repo', repo])
  expect(JSON.parse(report.stdout)).toMatchObject({ ok: false, objects_corrupted: 1 })
  expect((await run(['composefs', 'fsck', '--repo', join(dir, 'nowhere')])).stderr).toContain(
    'STORE_COMPOSEFS_NOT_A_REPO',
  )
})
