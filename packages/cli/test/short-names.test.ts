import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bootableImage, buildImage, buildIndex, serveRegistry } from '@bootc-sdk/core/testing'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { run } from './capture.js'

const first = bootableImage({ version: 1 })
const second = bootableImage({ version: 2 })

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'bootc-sdk-short-'))
  onTestFinished(() => rm(home, { recursive: true, force: true }))
  await mkdir(join(home, '.config/containers'), { recursive: true })
  vi.stubEnv('HOME', home)
  vi.stubEnv('XDG_CACHE_HOME', join(home, '.cache'))
})
afterEach(() => vi.unstubAllEnvs())

const conf = (text: string) => writeFile(join(home, '.config/containers/registries.conf'), text)
const search = (...hosts: string[]) => `unqualified-search-registries = ${JSON.stringify(hosts)}\n`

async function servers() {
  const a = await serveRegistry({ 'only-a:1': first, 'both:1': first })
  const b = await serveRegistry({ 'only-b:1': second, 'both:1': second })
  onTestFinished(async () => {
    await Promise.all([a.close(), b.close()])
  })
  return { a, b }
}

test('images are found at the first searched registry that has them', async () => {
  const { a, b } = await servers()
  await conf(search(a.host, b.host))
  const found = async (name: string) => {
    const { stdout, stderr } = await run(['image', 'inspect', name])
    expect(stderr).toBe('')
    return JSON.parse(stdout) as { reference: string; digest: string }
  }
  expect(await found('both:1')).toMatchObject({
    reference: `docker://${a.host}/both:1`,
    digest: first.manifestDigest,
  })
  expect(await found('only-b:1')).toMatchObject({ reference: `docker://${b.host}/only-b:1` })
  const copied = await run(['image', 'copy', 'only-b:1', `oci:${home}/copy:1`, '--insecure-policy'])
  expect(copied.stderr).toBe('')
  expect(copied).toMatchObject({ code: 0, stdout: expect.stringContaining(second.manifestDigest) as string })
  const repo = ['--repo', `${home}/repo`, '--init', 'bare-user']
  const pulled = await run(['image', 'pull', ...repo, '--json', 'only-b:1'])
  expect(pulled.code, pulled.stderr).toBe(0)
  expect(JSON.parse(pulled.stdout)).toMatchObject({ manifestDigest: second.manifestDigest })
  expect((await run(['image', 'referrers', 'only-b:1'])).code).toBe(0)
})

test('an image for other machines is there too', async () => {
  const { a, b } = await servers()
  a.push('far', '1', buildIndex([buildImage({ architecture: 's390x', layers: [{ entries: [] }] })]))
  b.push('far', '1', buildIndex([second]))
  await conf(search(a.host, b.host))
  const args = ['image', 'inspect', 'far:1', '--platform', 'linux/s390x']
  const { code, stdout, stderr } = await run(args)
  expect(code, stderr).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ reference: `docker://${a.host}/far:1`, architecture: 's390x' })
})

test('what is nowhere is told with all places', async () => {
  const { a, b } = await servers()
  await conf(search(a.host, b.host))
  const { code, stderr } = await run(['image', 'inspect', 'absent'])
  expect(code).toBe(1)
  for (const host of [a.host, b.host]) expect(stderr).toContain(`${host}/absent:latest`)
  expect(stderr).toContain('TRANSPORT_NOT_FOUND')
})

test('with enforcing, nothing is asked for a name that may mean several images', async () => {
  const { a, b } = await servers()
  await conf(`${search(a.host, b.host)}short-name-mode = "enforcing"\n[aliases]\n"os" = "${b.host}/both"\n`)
  const { code, stderr } = await run(['image', 'inspect', 'only-b:1'])
  expect(code).toBe(1)
  expect(stderr).toContain('IMAGE_SHORT_NAME')
  expect(stderr).toContain(`${a.host}/only-b:1, ${b.host}/only-b:1`)
  expect([...a.log, ...b.log]).toEqual([])
  const alias = await run(['image', 'inspect', 'os:1'])
  expect(JSON.parse(alias.stdout)).toMatchObject({ digest: second.manifestDigest })
  expect(a.log).toEqual([])
})

test('without registries to search a short name is refused, and never means docker.io', async () => {
  await conf('')
  const { code, stderr } = await run(['image', 'pull', '--repo', `${home}/repo`, 'debian'])
  expect(code).toBe(1)
  expect(stderr).toContain('IMAGE_SHORT_NAME')
})
