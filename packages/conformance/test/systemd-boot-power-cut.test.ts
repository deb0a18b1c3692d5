import { powerCutSuite } from '@bootc-sdk/conformance'
import { systemdBoot } from '@bootc-sdk/bootloader-systemd-boot'
import { composefsBackend } from '@bootc-sdk/composefs-backend'
import { composefsRoots } from '@bootc-sdk/composefs-backend/testing'
import { memoryBackend } from '@bootc-sdk/core/testing'
import type { Dir, Sysroot } from '@bootc-sdk/core'
import { ostreeBackend } from '@bootc-sdk/ostree-backend'
import { describe, expect, test } from 'vitest'

const bootloader = () => systemdBoot()
const memory = { store: () => memoryBackend() }
const composefs = { store: () => composefsBackend(), roots: [composefsRoots] }
const ostree = { store: () => ostreeBackend() }

powerCutSuite({
  ...{ test, describe, bootloader, name: 'memory with systemd-boot, exchanged', ...memory },
  ...{ boot: 'esp', minCuts: 100, every: 3, random: 1 },
})
powerCutSuite({
  ...{ test, describe, bootloader, name: 'memory with systemd-boot, step by step', ...memory },
  ...{ boot: 'esp', espExchange: false, minCuts: 300, random: 1 },
})
powerCutSuite({
  ...{ test, describe, bootloader, name: 'composefs with systemd-boot, step by step', ...composefs },
  ...{ boot: 'directory', esp: true, espExchange: false, minCuts: 90, every: 7, random: 1 },
})
powerCutSuite({
  ...{ test, describe, bootloader, name: 'ostree with systemd-boot, step by step', ...ostree },
  ...{ boot: 'directory', esp: true, espExchange: false, minCuts: 80, every: 13, random: 1 },
})

// The suites find these mistakes.
const lazySync = (dir: Dir): Dir => ({ ...dir, sync: async () => {} })
const hastyRemoval = (dir: Dir): Dir => ({
  ...dir,
  // What is new comes after what is old is gone.
  async rename(from, to, options) {
    if (/^loader\/entries\/.*\.conf$/.test(to)) {
      for await (const { name } of dir.list('loader/entries')) await dir.remove(`loader/entries/${name}`)
      await dir.sync()
    }
    await dir.rename(from, to, options)
  },
})

test.each([
  ['sets that are switched before they are on disk', lazySync, true],
  ['sets that are changed in steps that no sync parts', lazySync, false],
  ['old entries that go before the new ones come', hastyRemoval, false],
] as const)('found: %s', async (name, change, espExchange) => {
  const changed = (sysroot: Sysroot): Sysroot => {
    const boot = { ...sysroot.boot, dir: change(sysroot.boot.dir) }
    return { ...sysroot, boot, esps: [boot] }
  }
  const mutant = () => {
    const whole = systemdBoot()
    return { ...whole, open: (sysroot: Sysroot) => whole.open(changed(sysroot)) }
  }
  const tests = new Map<string, () => Promise<void>>()
  powerCutSuite({
    test: (title, run) => tests.set(title, run),
    ...{ name, bootloader: mutant, ...memory, boot: 'esp', espExchange, random: 4 },
  })
  const run = tests.get('finalize with a new kernel: whatever a cut leaves boots, and upgrades again')
  await expect(run!()).rejects.toThrow(/, cut before write \d+/)
})
