import { pullImage } from '@bootc-sdk/core'
import { sha256Digest } from '@bootc-sdk/core/oci'
import { bootableImage, memoryDir, memoryTransport } from '@bootc-sdk/core/testing'
import { expect, test } from 'vitest'
import { initRepo, ostreeImageStore } from '../../src/index.js'

test('manifest and config are kept to the byte until the image goes', async () => {
  const dir = memoryDir()
  const store = ostreeImageStore(await initRepo(dir, 'bare-user'))
  const transport = memoryTransport()
  const reference = { transport: 'registry', name: 'registry.test/os:1' } as const
  transport.images.set(reference.name, bootableImage({ version: 1 }))
  const { image } = await pullImage({ transports: [transport], store, reference })

  const kept = (await store.documents!(image))!
  expect(sha256Digest(kept.manifestBytes)).toBe(image.manifestDigest)
  expect(sha256Digest(kept.configBytes)).toBe(image.configDigest)

  const name = `extensions/bootc-sdk/documents/${image.manifestDigest.slice('sha256:'.length)}.json`
  await dir.write(name, kept.manifestBytes.subarray(1))
  expect(await store.documents!(image), 'bytes that are not what was hashed').toBeUndefined()

  await store.prune(new Set())
  const left: string[] = []
  for await (const entry of dir.list('extensions/bootc-sdk/documents')) left.push(entry.name)
  expect(left).toEqual([])
})
