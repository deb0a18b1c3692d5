import { editedEntriesSuite } from '@bootc-sdk/conformance'
import { grubBootloader } from '@bootc-sdk/bootloader-grub'
import { systemdBoot } from '@bootc-sdk/bootloader-systemd-boot'
import { composefsBackend } from '@bootc-sdk/composefs-backend'
import { composefsRoots } from '@bootc-sdk/composefs-backend/testing'
import { ostreeBackend } from '@bootc-sdk/ostree-backend'
import { describe, test } from 'vitest'

const stores = {
  ostree: { store: () => ostreeBackend() },
  composefs: { store: () => composefsBackend(), roots: [composefsRoots] },
}
// FAT with and without a way to exchange two names.
const loaders = {
  'grub, /boot a volume': { bootloader: () => grubBootloader(), boot: 'volume' },
  'systemd-boot': { bootloader: () => systemdBoot(), esp: true },
  'systemd-boot, step by step': { bootloader: () => systemdBoot(), boot: 'esp', espExchange: false },
} as const

for (const [store, ofStore] of Object.entries(stores)) {
  for (const [loader, ofLoader] of Object.entries(loaders)) {
    editedEntriesSuite({ test, describe, name: `${store} with ${loader}`, ...ofStore, ...ofLoader })
  }
}
