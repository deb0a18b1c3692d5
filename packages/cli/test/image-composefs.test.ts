import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bootableImage } from '@bootc-sdk/core/testing'
import { expect, onTestFinished, test } from 'vitest'
import { run } from './capture.js'

interface Pulled {
  manifestDigest: string
  configDigest: string
  imageId: string
  bootImageId?: string
  changed: boolean
  layers: { digest: string; diffId: string; ref: string; id: string; cached: boolean }[]
}

/** An OCI layout and a place for a repository. */
async function workspace(): Promise<{
  source: string
  repo: string
  built: ReturnType<typeof bootableImage>
}> {
  const dir = await mkdtemp(join(tmpdir(), 'bootc-sdk-cli-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const built = bootableImage({ version: 1 })
  await built.writeOciLayout(join(dir, 'layout'), 'v1')
  return { source: `oci:${join(dir, 'layout')}:v1`, repo: join(dir, 'repo'), built }
}

async function pull(...args: string[]): Promise<Pulled> {
  const { code, stdout, stderr } = await run([
    ...['image', 'pull', '--json', '--quiet', '--store', 'composefs'],
    ...args,
  ])
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout) as Pulled
}

const meta = async (repo: string): Promise<{ algorithm: string; erofs_formats: { default: number } }> =>
  JSON.parse(await readFile(join(repo, 'meta.json'), 'utf8')) as never

test('pull makes the repository and prints one JSON object; the second pull changes nothing', async () => {
  const { source, repo, built } = await workspace()
  const first = await pull(source, '--repo', repo)
  expect(await meta(repo)).toMatchObject({ algorithm: 'fsverity-sha512-12', erofs_formats: { default: 1 } })
  expect((await stat(repo)).mode & 0o777).toBe(0o700)
  expect(first).toMatchObject({
    manifestDigest: built.manifestDigest,
    configDigest: built.configDigest,
    changed: true,
  })
  expect(first.imageId).toMatch(/^[0-9a-f]{128}$/)
  expect(first.bootImageId).toBeUndefined()
  expect(first.layers.map(({ digest, diffId, ref, cached }) => ({ digest, diffId, ref, cached }))).toEqual(
    built.layers.map(({ descriptor: { digest }, diffId }) => ({
      ...{ digest, diffId, ref: `oci-layer-${diffId}`, cached: false },
    })),
  )
  expect(await readdir(join(repo, 'images'))).toEqual([first.imageId])
  const second = await pull(source, '--repo', repo)
  expect(second).toEqual({
    ...first,
    changed: false,
    bytesFetched: 0,
    layers: first.layers.map((layer) => ({ ...layer, cached: true })),
  })
})

test('the image that boots can be asked for at any time', async () => {
  const { source, repo } = await workspace()
  const plain = await pull(source, '--repo', repo)
  const { imageId, bootImageId } = await pull(source, '--repo', repo, '--bootable')
  expect(imageId).toBe(plain.imageId)
  expect(await readdir(join(repo, 'images'))).toContain(bootImageId)
  expect((await pull(source, '--repo', repo, '--bootable')).bootImageId).toBe(bootImageId)
})

test('another format is made besides what the repository makes; 2 can be that of a new repository', async () => {
  const { source, repo } = await workspace()
  const zero = await pull(source, '--repo', repo, '--erofs-version', '0', '--algorithm', 'sha256')
  expect(await meta(repo)).toMatchObject({ algorithm: 'fsverity-sha256-12', erofs_formats: { default: 1 } })
  const one = await pull(source, '--repo', repo)
  const two = await pull(source, '--repo', repo, '--erofs-version', '2')
  expect(new Set([zero.imageId, one.imageId, two.imageId]).size).toBe(3)
  const images = await readdir(join(repo, 'images'))
  for (const { imageId } of [zero, one, two]) expect(images).toContain(imageId)
  const other = `${repo}-2`
  const fresh = await pull(source, '--repo', other, '--erofs-version', '2', '--algorithm', 'sha256')
  expect(await meta(other)).toMatchObject({ erofs_formats: { default: 2 } })
  expect(fresh.imageId).toBe(two.imageId)
})

test('list, history, remove', async () => {
  const { source, repo } = await workspace()
  const { imageId, manifestDigest } = await pull(source, '--repo', repo)
  const of = ['--store', 'composefs', '--repo', repo]
  const { stdout } = await run(['image', 'list', ...of, '--json'])
  expect(JSON.parse(stdout)).toMatchObject([{ image: source, manifestDigest, imageId }])
  expect((await run(['image', 'history', ...of, source])).stdout).toMatch(/^ID .*CREATED BY\n/)
  const removed = await run(['image', 'remove', '--prune', ...of, source])
  expect(removed.stdout).toMatch(/^Removed oci:.*\nPruned images: 1/)
  expect((await run(['image', 'list', ...of, '--json'])).stdout).toBe('[]\n')
  expect((await run(['image', 'remove', ...of, source])).stderr).toContain('[IMAGE_NOT_STORED]')
})

test('options of the other store are wrong arguments', async () => {
  const { source, repo } = await workspace()
  for (const args of [
    ['--store', 'composefs', '--init', 'bare'],
    ['--store', 'ostree', '--bootable'],
    ['--algorithm', 'sha256'],
    ['--erofs-version', '1'],
    ['--store', 'composefs', '--erofs-version', '3'],
  ]) {
    const { code } = await run(['image', 'pull', source, '--repo', repo, ...args])
    expect([args, code]).toEqual([args, 2])
  }
})

test('a directory with something else in it is refused, and so is another algorithm', async () => {
  const { source, repo } = await workspace()
  await mkdir(repo)
  await writeFile(join(repo, 'thesis.txt'), 'years of work')
  const refused = await run(['image', 'pull', source, '--store', 'composefs', '--repo', repo])
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('[STORE_COMPOSEFS_NOT_A_REPO]')])
  expect(await readdir(repo)).toEqual(['thesis.txt'])
  await rm(join(repo, 'thesis.txt'))
  await pull(source, '--repo', repo)
  const other = await run([
    'image',
    'pull',
    source,
    '--store',
    'composefs',
    '--repo',
    repo,
    '--algorithm',
    'sha256',
  ])
  expect([other.code, other.stderr]).toEqual([1, expect.stringContaining('[STORE_COMPOSEFS_ALGORITHM]')])
})
