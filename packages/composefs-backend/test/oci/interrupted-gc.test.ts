import { pullImage } from '@bootc-sdk/core'
import { bootableImage, memoryDir, memoryTransport } from '@bootc-sdk/core/testing'
import { expect, test } from 'vitest'
import { composefsImageStore, initComposefsRepo } from '../../src/index.js'

test('an image of which a clean-up has taken a layer counts as absent, and a pull mends it', async () => {
  const dir = memoryDir()
  await using repo = await initComposefsRepo(dir, {})
  const store = composefsImageStore(repo)
  const transport = memoryTransport()
  const reference = { transport: 'registry', name: 'registry.test/os:1' } as const
  transport.images.set(reference.name, bootableImage({ version: 1 }))
  const pull = () => pullImage({ transports: [transport], store, reference })
  const { image } = await pull()

  await dir.remove(`streams/${image.layers[0]!.ref}`)
  expect(await store.get(image.manifestDigest)).toBeUndefined()
  const again = await pull()
  expect(again.changed).toBe(true)
  expect(again.image.id).toBe(image.id)
  expect(await store.get(image.manifestDigest)).toMatchObject({ id: image.id })
})
