import { powerCutSuite } from '@bootc-sdk/conformance'
import { memoryBackend, memoryBootloader } from '@bootc-sdk/core/testing'
import { describe, test } from 'vitest'

powerCutSuite({
  ...{ test, describe, name: 'memory with memory loader', minCuts: 400 },
  store: () => memoryBackend(),
  bootloader: () => memoryBootloader(),
})
powerCutSuite({
  ...{ test, describe, name: 'relinking memory with memory loader, own boot volume' },
  store: () => memoryBackend({ relink: true }),
  bootloader: () => memoryBootloader(),
  ...{ boot: 'volume', every: 2, minCuts: 200 },
})
