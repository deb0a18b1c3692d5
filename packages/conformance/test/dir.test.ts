import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dirSuite } from '@bootc-sdk/conformance'
import { nativeStatus, nodeDir } from '@bootc-sdk/core/node'
import { memoryDir, powerCutDir } from '@bootc-sdk/core/testing'
import { describe, test } from 'vitest'

dirSuite({ test, describe, name: 'memory', create: async () => ({ dir: memoryDir() }) })

dirSuite({
  ...{ test, describe, name: 'memory with fs-verity' },
  create: async () => ({ dir: memoryDir({ supports: { verity: true } }) }),
})

dirSuite({
  ...{ test, describe, name: 'memory with fs-verity that can lose power' },
  create: async () => ({ dir: powerCutDir(memoryDir({ supports: { verity: true } })).dir }),
})

dirSuite({
  ...{ test, describe, name: 'memory as a FAT volume' },
  create: async () => {
    const none = { symlink: false, hardlink: false, xattrs: false, chown: false, exchange: false }
    return { dir: memoryDir({ supports: { ...none, immutable: false } }) }
  },
})

dirSuite({
  ...{ test, describe, name: 'memory that can lose power' },
  create: async () => ({ dir: powerCutDir(memoryDir()).dir }),
})

dirSuite({
  ...{ test, describe, name: `Node (${nativeStatus().available ? 'with' : 'without'} the addon)` },
  async create() {
    const path = mkdtempSync(join(tmpdir(), 'bootc-sdk-dir-'))
    const dir = nodeDir(path)
    return { dir, dispose: async () => rmSync(path, { recursive: true, force: true }) }
  },
})
