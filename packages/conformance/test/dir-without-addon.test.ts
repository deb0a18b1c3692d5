import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dirSuite } from '@bootc-sdk/conformance'
import { nodeDir } from '@bootc-sdk/core/node'
import { describe, test, vi } from 'vitest'

// Before anything asks for the addon.
vi.hoisted(() => {
  process.env['BOOTC_SDK_NATIVE'] = '0'
})

dirSuite({
  ...{ test, describe, name: 'Node without the addon' },
  async create() {
    const path = mkdtempSync(join(tmpdir(), 'bootc-sdk-dir-'))
    return { dir: nodeDir(path), dispose: async () => rmSync(path, { recursive: true, force: true }) }
  },
})
