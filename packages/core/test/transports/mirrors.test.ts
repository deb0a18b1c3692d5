import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import {
  mergeRegistries,
  parseRegistriesFile,
  registrySources,
  registryTarget,
} from '../../src/containers-conf/index.js'
import { buildImage } from '../../src/testing/image-builder.js'
import { file } from '../../src/testing/layer-entries.js'
import { serveRegistry } from '../../src/testing/registry-server.js'
import type { RegistryServer } from '../../src/testing/registry-server.js'
import { credentialsByHelpers, runCredentialHelper } from '../../src/transports/registry/credential-helper.js'
import { collect, quickTransport } from './helpers.js'

const image = buildImage({ layers: [{ entries: [file('a', 'content')] }] })
const other = buildImage({ layers: [{ entries: [file('a', 'something else')] }] })
const layer = image.layers[0]!

/** `quay.test` with mirrors. */
function withMirrors(mirrors: readonly RegistryServer[], primary?: RegistryServer) {
  const tables = mirrors.map(({ host }) => `[[registry.mirror]]\nlocation = "${host}"\ninsecure = true\n`)
  const at = `location = "${primary?.host ?? '127.0.0.1:1'}"\ninsecure = true\n`
  const text = `[[registry]]\nprefix = "quay.test"\n${at}${tables.join('')}`
  const conf = mergeRegistries([parseRegistriesFile(text, 'registries.conf')])
  const configuration = () =>
    Promise.resolve({
      sources: (name: string) => registrySources(name, conf),
      target: (name: string) => registryTarget(name, conf),
    })
  return quickTransport({ configuration, insecure: () => false })
}

const byTag = { transport: 'registry', name: 'quay.test/ns/app:1' } as const
const byDigest = { transport: 'registry', name: `quay.test/ns/app@${image.manifestDigest}` } as const

test('layers come from the place that served the manifest, under the name that was asked for', async () => {
  await using bad = await serveRegistry({})
  await using good = await serveRegistry({ 'ns/app:1': image })
  await using primary = await serveRegistry({ 'ns/app:1': image })
  const transport = withMirrors([bad, good], primary)
  const resolved = await transport.resolve(byTag)
  expect(resolved.reference).toEqual(byTag)
  expect(resolved.servedBy).toEqual({ name: `${good.host}/ns/app:1`, insecure: true })
  expect((await collect(transport.openLayer(resolved, layer.descriptor))).equals(layer.blob)).toBe(true)
  expect(primary.log).toEqual([])
})

test('a mirror with other bytes for a digest counts as one that fails', async () => {
  await using liar = await serveRegistry({ 'ns/app:1': image })
  await using primary = await serveRegistry({ 'ns/app:1': image })
  liar.fail('/manifests/', { body: Buffer.from(other.manifestBytes) })
  const resolved = await withMirrors([liar], primary).resolve(byDigest)
  expect(resolved.servedBy?.name).toBe(`${primary.host}/ns/app@${image.manifestDigest}`)
})

test('when all fail the last error is told, with what the others said', async () => {
  await using mirror = await serveRegistry({})
  await using primary = await serveRegistry({})
  primary.fail('/manifests/', { status: 403, body: Buffer.from('{"errors":[{"code":"DENIED"}]}') })
  await expect(withMirrors([mirror], primary).resolve(byTag)).rejects.toMatchObject({
    code: 'TRANSPORT_DENIED',
    details: { mirrors: [{ name: `${mirror.host}/ns/app:1`, code: 'TRANSPORT_NOT_FOUND' }] },
  })
})

test('an abort ends the search', async () => {
  await using mirror = await serveRegistry({})
  await using primary = await serveRegistry({ 'ns/app:1': image })
  mirror.fail('/manifests/', { stallAfterBytes: 0 })
  const controller = new AbortController()
  const resolving = withMirrors([mirror], primary).resolve(byTag, { signal: controller.signal })
  setTimeout(() => controller.abort(new Error('enough')), 50)
  await expect(resolving).rejects.toThrow('enough')
  expect(primary.log).toEqual([])
})

async function helper(script: string): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'helper-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  await mkdir(dir, { recursive: true })
  await writeFile(join(dir, 'docker-credential-test'), `#!/bin/sh\n${script}\n`)
  await chmod(join(dir, 'docker-credential-test'), 0o755)
  vi.stubEnv('PATH', `${dir}:${process.env['PATH'] ?? ''}`)
  onTestFinished(() => void vi.unstubAllEnvs())
}

test('a credential helper is asked for the registry', async () => {
  await helper('read host; [ "$1" = get ] && echo "{\\"Username\\":\\"$host\\",\\"Secret\\":\\"s\\"}"')
  expect(await runCredentialHelper('test', 'quay.test')).toEqual({ username: 'quay.test', password: 's' })
  await helper('echo \'{"Username":"<token>","Secret":"t"}\'')
  expect(await runCredentialHelper('test', 'quay.test')).toEqual({ identityToken: 't' })
})

test('a helper without credentials, and one that fails, say so without secrets', async () => {
  await helper('echo "credentials not found in native keychain"; exit 1')
  expect(await runCredentialHelper('test', 'quay.test')).toBeUndefined()
  await helper('echo hunter2; exit 3')
  const failing = runCredentialHelper('test', 'quay.test')
  await expect(failing).rejects.toMatchObject({ code: 'TRANSPORT_CONFIG_INVALID' })
  await expect(failing).rejects.not.toThrow('hunter2')
  for (const name of ['../x', 'nowhere', '']) {
    await expect(runCredentialHelper(name, 'quay.test')).rejects.toMatchObject({
      code: 'TRANSPORT_CONFIG_INVALID',
    })
  }
})

test('helpers are asked in order; a failure counts when nobody else answers', async () => {
  const asked: string[] = []
  const ask = (answers: Record<string, unknown>, helpers: string[]) =>
    credentialsByHelpers(
      () => Promise.resolve(helpers),
      () => ({ username: 'file', password: 'p' }),
      (name) => {
        asked.push(name)
        const answer = answers[name]
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer as undefined)
      },
    )({ registry: 'quay.test', repository: 'ns/app' })
  expect(await ask({ one: undefined }, ['one', 'containers-auth.json'])).toMatchObject({ username: 'file' })
  expect(await ask({ one: new Error('broken'), two: { identityToken: 't' } }, ['one', 'two'])).toEqual({
    identityToken: 't',
  })
  await expect(ask({ one: new Error('broken'), two: undefined }, ['one', 'two'])).rejects.toThrow('broken')
  expect(asked).toEqual(['one', 'one', 'two', 'one', 'two'])
})
