import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bootableImage, serveRegistry } from '@bootc-sdk/core/testing'
import { expect, onTestFinished, test } from 'vitest'
import { run } from './capture.js'

async function workspace(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'bootc-sdk-cli-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}

interface Pulled {
  manifestDigest: string
  configDigest: string
  commit: string
  changed: boolean
  layers: { digest: string; diffId: string; ref: string; commit: string; cached: boolean }[]
}

async function pull(...args: string[]): Promise<Pulled> {
  const { code, stdout, stderr } = await run(['image', 'pull', '--json', '--quiet', ...args])
  expect(code, stderr).toBe(0)
  expect(stdout.endsWith('}\n') && !stdout.slice(0, -1).includes('\n')).toBe(true)
  return JSON.parse(stdout) as Pulled
}

test('pull prints one JSON object; the second pull finds everything cached', async () => {
  const dir = await workspace()
  const repo = join(dir, 'repo')
  const built = bootableImage({ version: 1 })
  await built.writeOciLayout(join(dir, 'layout'), 'v1')
  const source = `oci:${join(dir, 'layout')}:v1`
  const first = await pull(source, '--store', 'ostree', '--repo', repo, '--init', 'bare-user')
  expect(first.manifestDigest).toBe(built.manifestDigest)
  expect(first.changed).toBe(true)
  expect(first.layers.map(({ digest, diffId, cached }) => ({ digest, diffId, cached }))).toEqual(
    built.layers.map(({ descriptor: { digest }, diffId }) => ({ digest, diffId, cached: false })),
  )
  for (const layer of first.layers) {
    const rev = await run(['ostree', 'rev-parse', '--repo', repo, layer.ref])
    expect(rev.stdout).toBe(`${layer.commit}\n`)
  }
  const second = await pull(source, '--repo', repo)
  expect(second).toEqual({
    ...first,
    changed: false,
    bytesFetched: 0,
    layers: first.layers.map((layer) => ({ ...layer, cached: true })),
  })
})

test('list and remove', async () => {
  const dir = await workspace()
  const repo = join(dir, 'repo')
  const registry = await serveRegistry({
    'os:1': bootableImage({ version: 1 }),
    'os:2': bootableImage({ version: 2 }),
  })
  onTestFinished(() => registry.close())
  for (const tag of ['1', '2']) {
    await pull(
      `docker://${registry.host}/os:${tag}`,
      '--tls-verify=false',
      '--repo',
      repo,
      '--init',
      'bare-user',
    )
  }
  const list = async (): Promise<string[]> => {
    const { stdout } = await run(['image', 'list', '--repo', repo, '--json'])
    return (JSON.parse(stdout) as { image: string }[]).map(({ image }) => image).sort()
  }
  expect(await list()).toEqual([1, 2].map((tag) => `docker://${registry.host}/os:${tag}`))
  const history = await run(['image', 'history', '--repo', repo, `${registry.host}/os:1`])
  expect(history.stdout.split('\n')[0]).toMatch(/^ID +SIZE +CREATED BY$/)
  expect(history.stdout).toMatch(/^[0-9a-f]{20} {2}\S+ \S+ +app$/m)
  const unknown = await run(['image', 'history', '--repo', repo, 'oci:/nowhere'])
  expect(unknown).toMatchObject({ code: 1 })
  expect(unknown.stderr).toContain('[IMAGE_NOT_STORED]')
  expect((await run(['image', 'list', '--repo', repo])).stdout).toMatch(
    /^docker:.* {2}sha256:.* {2}3 layers {2}.*B\n/,
  )
  const removed = await run(['image', 'remove', '--prune', '--repo', repo, `${registry.host}/os:1`])
  expect(removed.stdout).toMatch(/^Removed docker:\/\/.*\/os:1\nPruned images: .*\n$/)
  expect(await list()).toEqual([`docker://${registry.host}/os:2`])
  const again = await run(['image', 'remove', '--repo', repo, `${registry.host}/os:1`])
  expect(again.stderr).toMatch(/\[IMAGE_NOT_STORED\]\n$/)
})

test('without --init a missing repository is an error', async () => {
  const dir = await workspace()
  await bootableImage({ version: 1 }).writeOciLayout(join(dir, 'layout'), 'v1')
  const { code, stderr } = await run(['image', 'pull', `oci:${join(dir, 'layout')}:v1`, '--repo', dir])
  expect(code).toBe(1)
  expect(stderr).toMatch(/\[STORE_OSTREE_NOT_A_REPO\]\n$/)
})
