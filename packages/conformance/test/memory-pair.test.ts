import { memoryBackend, memoryBootloader } from '@bootc-sdk/core/testing'
import { pairSuite } from '@bootc-sdk/conformance'
import { describe, test } from 'vitest'

pairSuite({
  ...{ test, describe, name: 'memory with memory loader' },
  store: () => memoryBackend(),
  bootloader: () => memoryBootloader(),
})
pairSuite({
  ...{ test, describe, name: 'relinking memory with memory loader, own boot volume' },
  store: () => memoryBackend({ relink: true }),
  bootloader: () => memoryBootloader(),
  boot: 'volume',
})
