import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { composefsImageStore, initComposefsRepo } from '@bootc-sdk/composefs-backend'
import { pullImage, type ImageStore } from '@bootc-sdk/core'
import { buildImage, dir, file, faultyRegistry, memoryDir } from '@bootc-sdk/core/testing'
import { copyImage, ociDestination, registryTransport } from '@bootc-sdk/core/transports'
import { initRepo, ostreeImageStore } from '@bootc-sdk/ostree-backend'
import { expect, onTestFinished, test } from 'vitest'

const twice = { entries: [dir('usr'), file('usr/twice', 'the same')] }
const image = buildImage({ layers: [twice, { entries: [dir('usr'), file('usr/other', 'x')] }, twice] })
const { digest } = image.layers[0]!.descriptor

async function served() {
  const registry = await faultyRegistry()
  onTestFinished(() => registry[Symbol.asyncDispose]())
  registry.push('ns/app', 'v1', image)
  const transport = registryTransport()
  onTestFinished(() => transport.close())
  const requests = () => registry.log('ns/app').filter(({ path }) => path.endsWith(digest)).length
  return { transport, reference: registry.reference('ns/app', 'v1'), requests }
}

const stores: Readonly<Record<string, () => Promise<ImageStore>>> = {
  ostree: async () => ostreeImageStore(await initRepo(memoryDir(), 'bare-user')),
  composefs: async () =>
    composefsImageStore(
      await initComposefsRepo(memoryDir(), { algorithm: 'sha512', erofsVersion: 1, requireVerity: false }),
    ),
}

test('the image of these tests lists one layer twice', () => {
  expect(image.layers[2]!.descriptor.digest).toBe(digest)
})

test.each(Object.entries(stores))('%s: a layer that is listed twice comes once', async (_, makeStore) => {
  const { transport, reference, requests } = await served()
  const store = await makeStore()
  const imported: string[] = []
  const result = await pullImage({
    transports: [transport],
    store,
    reference,
    onProgress: (event) => {
      if (event.type === 'import:layer' && event.detail.done) imported.push(event.detail.id)
    },
  })
  expect(requests()).toBe(1)
  expect(imported.filter((id) => id === digest).length).toBeLessThanOrEqual(1)
  expect(result.image.layers.map((layer) => layer.digest)).toEqual([
    digest,
    image.layers[1]!.descriptor.digest,
    digest,
  ])
  expect((await store.fsck?.())?.problems ?? []).toEqual([])
  const root = await store.open(result.image)
  expect(await root.stat('usr/twice')).toBeDefined()
})

test('image copy: a layer that is listed twice comes once', async () => {
  const { transport, reference, requests } = await served()
  const layout = await mkdtemp(join(tmpdir(), 'same-layer-'))
  onTestFinished(() => rm(layout, { recursive: true, force: true }))
  const target = {
    destination: ociDestination(),
    reference: { transport: 'oci' as const, name: `${layout}:v1` },
  }
  const { copiedBytes } = await copyImage({ source: { transport, reference }, target })
  expect(requests()).toBe(1)
  const { config, layers } = image.manifest
  expect(copiedBytes).toBe(config.size + layers[0]!.size + layers[1]!.size)
})
