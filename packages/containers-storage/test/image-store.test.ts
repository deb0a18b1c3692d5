import { imageStoreSuite } from '@bootc-sdk/conformance'
import { memoryDir } from '@bootc-sdk/core/testing'
import { describe, test } from 'vitest'
import { containersImageStore } from '../src/index.js'

imageStoreSuite({
  name: 'containers-storage in memory',
  test,
  describe,
  create: async () => {
    const dir = memoryDir()
    return { store: containersImageStore(dir), reopen: async () => containersImageStore(dir) }
  },
})
