import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  bootloaderSuite,
  deploymentStoreSuite,
  imageStoreSuite,
  transportSuite,
} from '@bootc-sdk/conformance'
import {
  memoryBackend,
  memoryBootloader,
  memoryDir,
  memorySysroot,
  memoryTransport,
} from '@bootc-sdk/core/testing'
import { nodeSysroot } from '@bootc-sdk/core/node'
import { describe, test } from 'vitest'

const registry = (name: string) => ({ transport: 'registry', name: `registry.test/${name}` }) as const

transportSuite({
  ...{ test, describe, name: 'memory' },
  async create({ one, two }) {
    const transport = memoryTransport({ 'registry.test/one': one, 'registry.test/two': two })
    const references = { one: registry('one'), two: registry('two'), missing: registry('three') }
    return { transport, references }
  },
})

imageStoreSuite({
  ...{ test, describe, name: 'memory' },
  async create() {
    const { sysroot, open } = await backendOn()
    return { store: (await open()).images, reopen: async () => (await open()).images, sysroot }
  },
})

imageStoreSuite({
  ...{ test, describe, name: 'memory store in a real directory' },
  async create() {
    const { open, dispose } = await backendInDirectory()
    return { store: (await open()).images, reopen: async () => (await open()).images, dispose }
  },
})

deploymentStoreSuite({
  ...{ test, describe, name: 'memory store in a real directory' },
  async create() {
    const { sysroot, open, dispose } = await backendInDirectory()
    return { sysroot, backend: await open(), reopen: open, dispose }
  },
})

for (const relink of [false, true]) {
  deploymentStoreSuite({
    ...{ test, describe, name: relink ? 'relinking memory' : 'memory' },
    async create() {
      const { sysroot, open } = await backendOn(relink)
      return { sysroot, backend: await open(), reopen: open }
    },
  })
}

for (const boot of ['directory', 'volume'] as const) {
  bootloaderSuite({
    ...{ test, describe, name: `memory loader on a boot ${boot}` },
    async create({ bootBytes: capacityBytes = 2 ** 30 }) {
      const sysroot =
        boot === 'volume'
          ? memorySysroot({ boot: memoryDir({ capacityBytes, supports: { symlink: false } }) })
          : memorySysroot({ root: memoryDir({ capacityBytes, directories: ['boot'] }) })
      await using lock = await sysroot.lock()
      return { sysroot, loader: await memoryBootloader().init(sysroot, lock) }
    },
  })
}

async function backendOn(relink = false) {
  const sysroot = memorySysroot()
  const provider = memoryBackend({ relink })
  await using lock = await sysroot.lock()
  await provider.init(sysroot, lock)
  return { sysroot, open: () => provider.open(sysroot) }
}

async function backendInDirectory() {
  const path = mkdtempSync(join(tmpdir(), 'bootc-sdk-store-'))
  const sysroot = nodeSysroot(path)
  const provider = memoryBackend({ relink: true })
  await using lock = await sysroot.lock()
  await provider.init(sysroot, lock)
  const dispose = async () => {
    // Immutable directories would resist a plain rm.
    for await (const { name } of sysroot.root.list('')) await sysroot.root.remove(name)
    rmSync(path, { recursive: true, force: true })
  }
  return { sysroot, open: () => provider.open(sysroot), dispose }
}
