import { grubBootloader } from '@bootc-sdk/bootloader-grub'
import { bootloaderSuite } from '@bootc-sdk/conformance'
import { memoryDir, memorySysroot } from '@bootc-sdk/core/testing'
import { describe, test } from 'vitest'

for (const boot of ['directory', 'volume'] as const) {
  bootloaderSuite({
    ...{ test, describe, name: `grub on a boot ${boot}, sets exchanged`, entrySet: 'exchange' },
    async create({ bootBytes: capacityBytes = 2 ** 30 }) {
      const sysroot =
        boot === 'volume'
          ? memorySysroot({ boot: memoryDir({ capacityBytes }) })
          : memorySysroot({ root: memoryDir({ capacityBytes, directories: ['boot'] }) })
      await using lock = await sysroot.lock()
      return { sysroot, loader: await grubBootloader().init(sysroot, lock, { entrySet: 'exchange' }) }
    },
  })
}
