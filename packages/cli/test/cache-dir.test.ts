import { expect, test } from 'vitest'
import { compiledDir, partialBlobsDir } from '../src/commands/cache-dir.js'

test.each([
  [{}, true, '/var/cache/bootc-sdk/partial-blobs'],
  [{ HOME: '/home/u' }, false, '/home/u/.cache/bootc-sdk/partial-blobs'],
  [{ HOME: '/home/u', XDG_CACHE_HOME: '/fast' }, false, '/fast/bootc-sdk/partial-blobs'],
  [{ HOME: '/home/u', XDG_CACHE_HOME: 'relative' }, false, '/home/u/.cache/bootc-sdk/partial-blobs'],
  [{ HOME: '/home/u', XDG_CACHE_HOME: '/fast' }, true, '/var/cache/bootc-sdk/partial-blobs'],
  [{ CACHE_DIRECTORY: '/var/cache/unit:/var/cache/other' }, true, '/var/cache/unit/partial-blobs'],
])('unfinished downloads for %j, root %s: %s', (env, isRoot, expected) => {
  expect(partialBlobsDir(env, isRoot)).toBe(expected)
})

test.each([
  [{}, true, '/var/cache/bootc-sdk/compiled'],
  [{ TMPDIR: '/tmp', HOME: '/home/u' }, false, '/home/u/.cache/bootc-sdk/compiled'],
])('compiled modules for %j, root %s: %s, never where others write', (env, isRoot, expected) => {
  expect(compiledDir(env, isRoot)).toBe(expected)
})
