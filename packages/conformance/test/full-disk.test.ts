import { fullDiskSuite } from '@bootc-sdk/conformance'
import { grubBootloader } from '@bootc-sdk/bootloader-grub'
import { memoryBackend, memoryBootloader } from '@bootc-sdk/core/testing'
import { ostreeBackend } from '@bootc-sdk/ostree-backend'
import { describe, test } from 'vitest'

fullDiskSuite({
  ...{ test, describe, name: 'memory with memory loader' },
  store: () => memoryBackend({ relink: true }),
  bootloader: () => memoryBootloader(),
})
fullDiskSuite({
  ...{ test, describe, name: 'ostree with grub', boot: 'volume' },
  store: () => ostreeBackend(),
  bootloader: () => grubBootloader(),
})
