import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dirSuite } from '@bootc-sdk/conformance'
import { nodeDir } from '@bootc-sdk/core/node'
import { test } from 'vitest'
import { recordingDir } from '../../src/index.js'

dirSuite({
  name: 'recording',
  test,
  create: async () => {
    const path = await mkdtemp(join(tmpdir(), 'bootc-sdk-recording-'))
    return {
      dir: await recordingDir(nodeDir(path)),
      dispose: () => rm(path, { recursive: true, force: true }),
    }
  },
})
