import { grubBootloader } from '@bootc-sdk/bootloader-grub'
import { systemdBoot } from '@bootc-sdk/bootloader-systemd-boot'
import { composefsBackend } from '@bootc-sdk/composefs-backend'
import { composefsRoots } from '@bootc-sdk/composefs-backend/testing'
import { healingSuite } from '@bootc-sdk/conformance'
import { memoryBackend, memoryBootloader } from '@bootc-sdk/core/testing'
import { ostreeBackend } from '@bootc-sdk/ostree-backend'
import { describe, test } from 'vitest'

const stores = {
  memory: { store: () => memoryBackend() },
  'relinking memory': { store: () => memoryBackend({ relink: true }) },
  ostree: { store: () => ostreeBackend() },
  composefs: { store: () => composefsBackend(), roots: [composefsRoots] },
}
const loaders = {
  'memory loader': { bootloader: () => memoryBootloader() },
  'a loader that cannot count': { bootloader: () => memoryBootloader({ bootCounting: false }) },
  'systemd-boot, exchanged': { bootloader: () => systemdBoot(), esp: true },
  'systemd-boot, step by step': { bootloader: () => systemdBoot(), boot: 'esp', espExchange: false },
  grub: { bootloader: () => grubBootloader() },
} as const

for (const [storeName, store] of Object.entries(stores)) {
  for (const [loaderName, loader] of Object.entries(loaders)) {
    // What a loader cannot do is no matter of the store, and how it switches none of how links lead to roots.
    const isOften = loaderName.includes('cannot') || loaderName.includes('step by step')
    if (isOften && storeName.includes('memory') && storeName !== 'memory') continue
    if (loaderName.includes('cannot') && storeName !== 'memory') continue
    healingSuite({ test, describe, name: `${storeName} with ${loaderName}`, ...store, ...loader })
  }
}
