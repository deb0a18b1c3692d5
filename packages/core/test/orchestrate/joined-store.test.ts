import { expect, test } from 'vitest'
import type { StoredImage } from '../../src/interfaces/index.js'
import { joinStores } from '../../src/orchestrate/joined-store.js'
import { pullImage } from '../../src/orchestrate/pull-image.js'
import { memoryBackend, memorySysroot, memoryTransport } from '../../src/testing/index.js'
import { images, stable } from './machine.js'

const name = stable.image.name

async function stores() {
  const sysroot = memorySysroot()
  const other = memorySysroot()
  await using lock = await sysroot.lock()
  await using otherLock = await other.lock()
  const first = await memoryBackend().init(sysroot, lock)
  const second = await memoryBackend().init(other, otherLock)
  return { sysroot, first, second: { ...second, name: 'second' } }
}

test('an image that is there already is verified, also while a system moves between stores', async () => {
  const { sysroot, first, second } = await stores()
  const transports = [memoryTransport({ [name]: images[0]! })]
  await pullImage({ transports, store: first.images, reference: stable.image })
  const asked: string[] = []
  const signed = {
    ...first,
    images: {
      ...first.images,
      supports: { ...first.images.supports, commitSignatures: true },
      verifyCommit: (_image: StoredImage, remote: string) => {
        asked.push(remote)
        return Promise.reject(new Error('not signed'))
      },
    },
  }
  const pull = pullImage({
    transports,
    store: joinStores(sysroot, signed, [second]).images,
    reference: stable.image,
    source: { kind: 'ostreeRemote', remote: 'vendor' },
    policy: { check: () => Promise.resolve() },
  })
  await expect(pull).rejects.toThrow('not signed')
  expect(asked).toEqual(['vendor'])
})

test('documents are those of the store that has the image', async () => {
  const { sysroot, first, second } = await stores()
  const transports = [memoryTransport({ [name]: images[0]! })]
  const { image } = await pullImage({ transports, store: second.images, reference: stable.image })
  const kept = {
    manifestBytes: images[0]!.manifestBytes,
    manifestMediaType: '',
    configBytes: Buffer.alloc(0),
  }
  const keeping = { ...second, images: { ...second.images, documents: () => Promise.resolve(kept) } }
  const joined = joinStores(sysroot, first, [keeping])
  expect(await joined.images.documents?.({ ...image, store: 'second' })).toBe(kept)
  expect(await joined.images.documents?.(image)).toBeUndefined()
})
