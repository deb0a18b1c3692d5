import { bootloaderSuite, fullDiskSuite, moveSuite, pairSuite } from '@bootc-sdk/conformance'
import { systemdBoot } from '@bootc-sdk/bootloader-systemd-boot'
import { composefsBackend } from '@bootc-sdk/composefs-backend'
import { composefsRoots } from '@bootc-sdk/composefs-backend/testing'
import { memoryBackend, memoryDir, memorySysroot } from '@bootc-sdk/core/testing'
import { ostreeBackend } from '@bootc-sdk/ostree-backend'
import { describe, test } from 'vitest'

for (const entrySet of ['exchange', undefined] as const) {
  for (const exchange of [true, false]) {
    const how = `${entrySet === undefined ? 'of libostree' : 'of bootc'}, ${exchange ? 'exchanged' : 'step by step'}`
    bootloaderSuite({
      ...{ test, describe, name: `systemd-boot, entries ${how}` },
      ...(entrySet === undefined ? {} : { entrySet }),
      async create({ bootBytes: capacityBytes = 2 ** 30 }) {
        const boot = memoryDir({ fat: true, capacityBytes, supports: { exchange } })
        const sysroot = memorySysroot({ boot })
        await using lock = await sysroot.lock()
        return { sysroot, loader: await systemdBoot().init(sysroot, lock) }
      },
    })
  }
}

const bootloader = () => systemdBoot()
const stores = {
  memory: { store: () => memoryBackend() },
  ostree: { store: () => ostreeBackend() },
  composefs: { store: () => composefsBackend(), roots: [composefsRoots] },
}
// Each store and each place once with sets that are exchanged, once step by step.
const pairs = {
  'memory with systemd-boot, ESP and extended boot partition': {
    ...stores.memory,
    boot: 'esp',
    esp: true,
  },
  'ostree with systemd-boot, ESP beside /boot': { ...stores.ostree, esp: true },
  'composefs with systemd-boot, /boot the ESP': { ...stores.composefs, boot: 'esp', espExchange: false },
  'composefs with systemd-boot, ESP beside /boot': { ...stores.composefs, esp: true },
  'ostree with systemd-boot, /boot the ESP': { ...stores.ostree, boot: 'esp', espExchange: false },
} as const

for (const [name, pair] of Object.entries(pairs)) pairSuite({ test, describe, bootloader, name, ...pair })

for (const espExchange of [true, false]) {
  fullDiskSuite({
    ...{ test, describe, bootloader, name: `composefs with systemd-boot, exchange ${espExchange}` },
    ...stores.composefs,
    ...{ boot: 'directory', esp: true, espExchange },
  })
}
fullDiskSuite({
  ...{ test, describe, bootloader, name: 'ostree with systemd-boot' },
  ...{ ...stores.ostree, boot: 'esp', espExchange: false },
})

moveSuite({
  ...{ test, describe, bootloader, name: 'ostree to composefs with systemd-boot' },
  ...{ from: () => ostreeBackend({ mode: 'bare-user' }), to: () => composefsBackend() },
  ...{ way: 'tree', boot: 'esp', roots: [composefsRoots] },
})
moveSuite({
  ...{ test, describe, bootloader, name: 'composefs to ostree with systemd-boot' },
  ...{ from: () => composefsBackend(), to: () => ostreeBackend({ mode: 'bare-user' }) },
  ...{ way: 'layers', boot: 'esp', roots: [composefsRoots] },
})
