import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeDir } from '@bootc-sdk/core/node'
import { memoryDir, readText } from '@bootc-sdk/core/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { composefsImageStore } from '../../src/oci/index.js'
import { initComposefsRepo, openComposefsRepo } from '../../src/repo/index.js'
import { importBuilt, long, osImage, other, resolved } from './built.js'

/** A program that runs the real tool, which has to see TMPDIR. Golden repositories stand in for it elsewhere. */
const cfsctl = process.env.COMPOSEFS_CFSCTL

const moved = { transport: 'registry', name: 'registry.test/moved:1' } as const

describe.skipIf(cfsctl === undefined)('with cfsctl (COMPOSEFS_CFSCTL names it)', () => {
  let base = ''
  beforeAll(async () => {
    base = await mkdtemp(join(tmpdir(), 'cfsctl-'))
  })
  afterAll(() => rm(base, { recursive: true, force: true }))

  const run = (repo: string, ...args: string[]): string =>
    execFileSync(cfsctl!, ['--repo', repo, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

  test('it accepts what was imported, in both styles of names, adopted, and with types of Docker', async () => {
    const path = join(base, 'ours')
    await mkdir(path)
    {
      await using repo = await initComposefsRepo(nodeDir(path), { requireVerity: false })
      const store = composefsImageStore(repo, { bootable: 'auto' })
      await importBuilt(store, osImage('1'))
      await importBuilt(store, osImage('1', { family: 'docker' }), { target: other })
      await importBuilt(composefsImageStore(repo, { tagStyle: 'bootc' }), osImage('2'))
      const tree = memoryDir()
      for (const dir of ['usr', 'boot', 'sysroot']) await tree.mkdir(dir, { mode: 0o755 })
      await tree.write('usr/file', Buffer.from(long('adopted')))
      const adopted = await store.adopt(resolved(osImage('3'), moved), tree)
      await store.imageOfVersion(adopted, 0)
    }
    expect(run(path, 'gc')).toMatch(/^Objects: 0 removed/)
    expect(run(path, 'fsck')).toMatch(/status: ok/)
    expect(run(path, 'oci', 'fsck')).toMatch(/status: ok\noci images: 3\/3 ok/)
    const { images } = JSON.parse(run(path, 'oci', 'images', '--json')) as { images: { name: string }[] }
    expect(images.map(({ name }) => name).sort()).toEqual([
      'docker://registry.test/os:stable',
      'docker://registry.test/other:1',
      `localhost/bootc-${osImage('2').manifestDigest}`,
    ])
    await using repo = await openComposefsRepo(nodeDir(path))
    const store = composefsImageStore(repo)
    const image = (await store.get(osImage('1').manifestDigest))!
    expect(run(path, 'oci', 'compute-id', 'docker://registry.test/os:stable').trim()).toBe(image.id)
    expect(run(path, 'oci', 'compute-id', '--bootable', 'docker://registry.test/os:stable').trim()).toBe(
      await store.bootImage(image),
    )
    expect((await store.lookup(moved))?.manifestDigest).toBe(osImage('3').manifestDigest)
    expect((await store.fsck!()).problems).toEqual([])
  })

  test('what it pulled is found, and a newer image fetches what is new', async () => {
    const path = join(base, 'theirs')
    await osImage('1').writeOciLayout(join(base, 'layout'), 'v1')
    run(path, 'init', '--insecure')
    run(path, 'oci', 'pull', `oci:${join(base, 'layout')}:v1`)
    await using repo = await openComposefsRepo(nodeDir(path))
    const store = composefsImageStore(repo)
    const image = (await store.lookup({ transport: 'oci', name: `${join(base, 'layout')}:v1` }))!
    expect(image.manifestDigest).toBe(osImage('1').manifestDigest)
    expect(await readText(await store.open(image), 'usr/share/version')).toBe(long('1'))
    expect((await importBuilt(store, osImage('2'))).fetched).toEqual([1])
    expect(run(path, 'oci', 'fsck')).toMatch(/status: ok\noci images: 2\/2 ok/)
  })
})
