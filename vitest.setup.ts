import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

// Unfinished downloads of one test file are none of another's, nor of the user's.
const cache = mkdtempSync(join(tmpdir(), 'bootc-sdk-cache-'))
process.env['CACHE_DIRECTORY'] = cache
afterAll(() => {
  rmSync(cache, { recursive: true, force: true })
})
