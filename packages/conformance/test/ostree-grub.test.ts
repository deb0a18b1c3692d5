import { pairSuite } from '@bootc-sdk/conformance'
import { grubBootloader } from '@bootc-sdk/bootloader-grub'
import { ostreeBackend } from '@bootc-sdk/ostree-backend'
import { describe, test } from 'vitest'

for (const boot of ['directory', 'volume'] as const) {
  pairSuite({
    ...{ test, describe, name: `ostree with grub, /boot a ${boot}`, boot },
    store: () => ostreeBackend(),
    bootloader: () => grubBootloader(),
  })
}
