import { bootloaderSuite, deploymentStoreSuite, imageStoreSuite, pairSuite } from '@bootc-sdk/conformance'
import { memoryBackend, memoryBootloader, memoryDir, memorySysroot } from '@bootc-sdk/core/testing'
import { grubBootloader } from '@bootc-sdk/bootloader-grub'
import { ostreeBackend } from '@bootc-sdk/ostree-backend'
import { describe, test } from 'vitest'

async function backendOn() {
  const sysroot = memorySysroot()
  const provider = ostreeBackend()
  await using lock = await sysroot.lock()
  await provider.init(sysroot, lock)
  return { sysroot, open: () => provider.open(sysroot) }
}

imageStoreSuite({
  ...{ test, describe, name: 'ostree' },
  async create() {
    const { open } = await backendOn()
    return { store: (await open()).images, reopen: async () => (await open()).images }
  },
})

deploymentStoreSuite({
  ...{ test, describe, name: 'ostree' },
  async create() {
    const { sysroot, open } = await backendOn()
    return { sysroot, backend: await open(), reopen: open }
  },
})

for (const boot of ['directory', 'volume'] as const) {
  bootloaderSuite({
    ...{ test, describe, name: `grub on a boot ${boot}` },
    async create({ bootBytes: capacityBytes = 2 ** 30 }) {
      const sysroot =
        boot === 'volume'
          ? memorySysroot({ boot: memoryDir({ capacityBytes }) })
          : memorySysroot({ root: memoryDir({ capacityBytes, directories: ['boot'] }) })
      await using lock = await sysroot.lock()
      return { sysroot, loader: await grubBootloader().init(sysroot, lock) }
    },
  })
}

const stores = { ostree: () => ostreeBackend(), memory: () => memoryBackend() }
const loaders = { grub: () => grubBootloader(), 'memory loader': () => memoryBootloader() }

for (const boot of ['directory', 'volume'] as const) {
  for (const [storeName, store] of Object.entries(stores)) {
    for (const [loaderName, bootloader] of Object.entries(loaders)) {
      // Both of memory: in a file of their own.
      if (storeName === 'memory' && loaderName === 'memory loader') continue
      const name = `${storeName} with ${loaderName}, /boot a ${boot}`
      pairSuite({ test, describe, name, store, bootloader, boot })
    }
  }
}
