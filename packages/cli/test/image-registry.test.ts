import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bootableImage, buildImage, buildIndex, serveRegistry } from '@bootc-sdk/core/testing'
import { expect, onTestFinished, test, vi } from 'vitest'
import { parseRate } from '../src/define/options.js'
import { run } from './capture.js'

const image = bootableImage({ version: 1 })
const index = buildIndex([image, buildImage({ architecture: 's390x', layers: [{ entries: [] }] })])

async function workspace(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'bootc-sdk-cli-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}

test('tags are listed, as skopeo prints them with --json', async () => {
  await using registry = await serveRegistry({ 'ns/os:1': image, 'ns/os:2': image })
  const name = `${registry.host}/ns/os`
  expect(await run(['image', 'tags', `docker://${name}`])).toMatchObject({ code: 0, stdout: '1\n2\n' })
  const { stdout } = await run(['image', 'tags', '--json', name])
  expect(stdout).toBe(`${JSON.stringify({ Repository: name, Tags: ['1', '2'] }, undefined, 4)}\n`)
  expect(await run(['image', 'tags', `${name}:1`])).toMatchObject({ code: 2 })
  expect(await run(['image', 'tags', 'oci:/x'])).toMatchObject({ code: 2 })
  const missing = await run(['image', 'tags', `${registry.host}/ns/other`])
  expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('TRANSPORT_NOT_FOUND') as string })
})

test('an image without referrers has an empty list', async () => {
  await using registry = await serveRegistry({ 'ns/os:1': image })
  const name = `docker://${registry.host}/ns/os:1`
  expect(await run(['image', 'referrers', name])).toMatchObject({ code: 0, stdout: '' })
  const { stdout } = await run(['image', 'referrers', '--json', name])
  expect(JSON.parse(stdout)).toEqual({ digest: image.manifestDigest, referrers: [] })
})

test('an index is copied whole with --all, and to an archive', async () => {
  const dir = await workspace()
  await using registry = await serveRegistry({ 'ns/os:all': index })
  const source = `docker://${registry.host}/ns/os:all`
  const { code, stdout, stderr } = await run(['image', 'copy', '--all', source, `oci-archive:${dir}/x.tar`])
  expect(code, stderr).toBe(0)
  expect(stdout).toContain(`Digest: ${index.digest}\n  Manifests: 3\n`)
  const shown = await run(['image', 'inspect', '--platform', 'linux/s390x', `oci-archive:${dir}/x.tar`])
  expect(JSON.parse(shown.stdout)).toMatchObject({ index: index.digest, architecture: 's390x' })
  const one = await run(['image', 'copy', '--json', source, `docker-archive:${dir}/y.tar:example.test/os:1`])
  expect(JSON.parse(one.stdout)).toMatchObject({ manifestDigest: image.manifestDigest, manifests: 1 })
})

test('the policy of the machine is asked about what is copied, unless told otherwise', async () => {
  const dir = await workspace()
  await mkdir(join(dir, '.config/containers'), { recursive: true })
  await writeFile(join(dir, '.config/containers/policy.json'), '{"default":[{"type":"reject"}]}')
  vi.stubEnv('HOME', dir)
  onTestFinished(() => void vi.unstubAllEnvs())
  await using registry = await serveRegistry({ 'ns/os:1': image })
  const args = ['image', 'copy', `docker://${registry.host}/ns/os:1`, `oci:${dir}/layout`]
  const refused = await run(args)
  expect(refused).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('IMAGE_POLICY_REJECTED') as string,
  })
  expect(registry.log.some(({ path }) => path.includes(image.layers[0]!.descriptor.digest))).toBe(false)
  expect(await run([...args, '--insecure-policy'])).toMatchObject({ code: 0 })
})

test.each([
  ['1', 1],
  ['500k', 500 * 1024],
  ['5M', 5 * 1024 * 1024],
  ['1.5G', 1.5 * 1024 ** 3],
])('a rate of %s is %d bytes per second', (text, bytes) => {
  expect(parseRate(text)).toBe(bytes)
})

test.each(['0', '', '-1', '5MB', '0.5', '1e3', '5 M', '9999999999999G'])('%s is no rate', (text) => {
  expect(() => parseRate(text)).toThrow(/bytes per second/)
})
