import { grubBootloader } from '@bootc-sdk/bootloader-grub'
import { composefsBackend } from '@bootc-sdk/composefs-backend'
import { composefsRoots } from '@bootc-sdk/composefs-backend/testing'
import { moveSuite } from '@bootc-sdk/conformance'
import { memoryBootloader } from '@bootc-sdk/core/testing'
import { ostreeBackend } from '@bootc-sdk/ostree-backend'
import { describe, test } from 'vitest'

const ostree = () => ostreeBackend({ mode: 'bare-user' })
const composefs = () => composefsBackend()
const loaders = { grub: () => grubBootloader(), 'memory loader': () => memoryBootloader() }

for (const [loaderName, bootloader] of Object.entries(loaders)) {
  const shared = { test, describe, bootloader, roots: [composefsRoots] }
  for (const boot of ['directory', 'volume'] as const) {
    const name = (what: string) => `${what} with ${loaderName}, /boot a ${boot}`
    moveSuite({
      ...shared,
      boot,
      name: name('ostree to composefs'),
      from: ostree,
      to: composefs,
      way: 'tree',
    })
    moveSuite({
      ...shared,
      boot,
      name: name('composefs to ostree'),
      from: composefs,
      to: ostree,
      way: 'layers',
    })
  }
}
