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
