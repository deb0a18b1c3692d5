import { expect, onTestFinished, test } from 'vitest'
import {
  buildIndex,
  bootableImage,
  memoryBackend,
  memorySysroot,
  serveRegistry,
  type RegistryServer,
  type RegistryServerOptions,
} from '../../src/testing/index.js'
import { pullImage } from '../../src/orchestrate/index.js'
import { registryTransport } from '../../src/transports/index.js'
import { images, machine } from './machine.js'

const foreign = bootableImage({ version: 1, architecture: 's390x' })

async function server(options?: RegistryServerOptions): Promise<RegistryServer> {
  const made = await serveRegistry({ 'ns/os:stable': images[0]! }, options)
  onTestFinished(() => made.close())
  return made
}

const asked = (registry: RegistryServer): string[] =>
  registry.log
    .splice(0)
    .map(({ method, path }) => `${method} ${path.replace('/v2/ns/os/', '').replace(/sha256:.*/, 'DIGEST')}`)

async function running(registry: RegistryServer, kind: 'insecure' | 'containerPolicy' = 'insecure') {
  const transport = registryTransport()
  onTestFinished(() => transport.close())
  const policy = { check: () => Promise.resolve() }
  const made = await machine({ parts: { transports: [transport], policy } })
  const source = { image: registry.reference('ns/os', 'stable'), signature: { kind } } as const
  await made.bootc.install({ source, kargs: { root: ['root=LABEL=root', 'rw'] } })
  await made.reboot()
  registry.log.length = 0
  return made
}

test('a check of an image that has not changed costs one HEAD, and a change is seen', async () => {
  const registry = await server()
  const { bootc } = await running(registry)
  expect(await bootc.upgrade({ check: true })).toMatchObject({
    outcome: 'up-to-date',
    image: { manifestDigest: images[0]!.manifestDigest },
  })
  expect(asked(registry)).toEqual(['HEAD manifests/stable'])
  expect(await bootc.upgrade({})).toMatchObject({ outcome: 'up-to-date' })
  expect(asked(registry)).toEqual(['HEAD manifests/stable'])
  registry.push('ns/os', 'stable', images[1]!)
  expect(await bootc.upgrade({ check: true })).toMatchObject({ outcome: 'update-available' })
  expect(asked(registry)).toEqual(['HEAD manifests/stable', 'GET manifests/stable', 'GET blobs/DIGEST'])
})

test('an image that is to be verified is asked about in full', async () => {
  const registry = await server()
  const { bootc } = await running(registry, 'containerPolicy')
  expect(await bootc.upgrade({ check: true })).toMatchObject({ outcome: 'up-to-date' })
  expect(asked(registry)).toEqual(['GET manifests/stable', 'GET blobs/DIGEST'])
})

test('an index is looked into, and no further', async () => {
  const registry = await server()
  registry.push('ns/os', 'stable', buildIndex([foreign, images[0]!]))
  const { bootc } = await running(registry)
  expect(await bootc.upgrade({ check: true })).toMatchObject({ outcome: 'up-to-date' })
  expect(asked(registry)).toEqual(['HEAD manifests/stable', 'GET manifests/DIGEST'])
  registry.push('ns/os', 'stable', buildIndex([foreign, images[1]!]))
  expect(await bootc.upgrade({ check: true })).toMatchObject({ outcome: 'update-available' })
})

test.each([
  ['no digest', { headers: { 'docker-content-digest': null } }],
  ['nonsense', { headers: { 'docker-content-digest': 'sha256:1' } }],
  ['an unknown type', { headers: { 'content-type': 'text/plain' } }],
  ['405', { status: 405 }],
  ['500', { status: 500 }],
])('where HEAD is answered with %s the manifest is fetched', async (_, fault) => {
  const registry = await server()
  const { bootc } = await running(registry)
  registry.fail(/^HEAD .*manifests/, fault)
  expect(await bootc.upgrade({ check: true })).toMatchObject({ outcome: 'up-to-date' })
  expect(asked(registry)).toContain('GET manifests/stable')
})

test('a digest that somebody else claims changes nothing about what is pulled', async () => {
  const registry = await server()
  const sysroot = memorySysroot()
  const store = (await memoryBackend().init(sysroot, await sysroot.lock())).images
  const transport = registryTransport()
  onTestFinished(() => transport.close())
  const reference = registry.reference('ns/os', 'stable')
  registry.fail(/^HEAD/, { headers: { 'docker-content-digest': images[1]!.manifestDigest } })
  const pull = () => pullImage({ transports: [transport], store, reference })
  expect(await pull()).toMatchObject({ changed: true, image: { manifestDigest: images[0]!.manifestDigest } })
  expect(await pull()).toMatchObject({ changed: false, reason: 'same-manifest' })
})
