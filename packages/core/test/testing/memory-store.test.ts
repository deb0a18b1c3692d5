import { expect, test } from 'vitest'
import { bootableImage, memoryBackend, memorySysroot, memoryTransport } from '../../src/testing/index.js'

test('an image that cannot be imported leaves the store free', async () => {
  const name = 'registry.example/os:1'
  const transport = memoryTransport({ [name]: bootableImage({ version: 1, compression: 'none' }) })
  const image = await transport.resolve({ transport: 'registry', name })
  const sysroot = memorySysroot()
  await using lock = await sysroot.lock()
  const { images } = await memoryBackend().init(sysroot, lock)
  const config = { ...image.config, rootfs: { ...image.config.rootfs, diff_ids: [] } }
  await expect(images.begin({ ...image, config })).rejects.toMatchObject({ code: 'IMAGE_CONFIG_INVALID' })
  const signal = AbortSignal.timeout(1000)
  expect(await images.prune(new Set(), { signal })).toMatchObject({ images: 0 })
})
