import { deploymentStoreSuite, pairSuite } from '@bootc-sdk/conformance'
import { memoryBootloader, memorySysroot } from '@bootc-sdk/core/testing'
import { grubBootloader } from '@bootc-sdk/bootloader-grub'
import { composefsBackend } from '@bootc-sdk/composefs-backend'
import { composefsRoots } from '@bootc-sdk/composefs-backend/testing'
import { describe, test } from 'vitest'

deploymentStoreSuite({
  ...{ test, describe, name: 'composefs' },
  async create() {
    const sysroot = memorySysroot()
    const provider = composefsBackend()
    await using lock = await sysroot.lock()
    const backend = await provider.init(sysroot, lock)
    return { sysroot, backend, reopen: () => provider.open(sysroot) }
  },
})

const loaders = { grub: () => grubBootloader(), 'memory loader': () => memoryBootloader() }

for (const boot of ['directory', 'volume'] as const) {
  for (const [loaderName, bootloader] of Object.entries(loaders)) {
    const name = `composefs with ${loaderName}, /boot a ${boot}`
    const store = () => composefsBackend()
    pairSuite({ test, describe, name, store, bootloader, boot, roots: [composefsRoots] })
  }
}
