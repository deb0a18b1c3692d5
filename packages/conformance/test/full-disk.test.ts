import { fullDiskSuite } from '@bootc-sdk/conformance'
import { grubBootloader } from '@bootc-sdk/bootloader-grub'
import { composefsBackend } from '@bootc-sdk/composefs-backend'
import { composefsRoots } from '@bootc-sdk/composefs-backend/testing'
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
fullDiskSuite({
  ...{ test, describe, name: 'composefs with grub', boot: 'volume', roots: [composefsRoots] },
  store: () => composefsBackend(),
  bootloader: () => grubBootloader(),
})
