import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { loadAddon, nativeStatus, type NativeStatus } from '../src/index.js'

const loader = createRequire(import.meta.url).resolve('../load.cjs')

/** The status in a process of its own, with this environment. */
function statusWith(env: Record<string, string>): NativeStatus {
  const program = `console.log(JSON.stringify(require(${JSON.stringify(loader)}).load().status))`
  return JSON.parse(
    execFileSync(process.execPath, ['-e', program], { encoding: 'utf8', env: { ...process.env, ...env } }),
  ) as NativeStatus
}

test('the status says what is in use, or why nothing is', () => {
  const status = nativeStatus()
  expect(status.available).toBe(loadAddon() !== undefined)
  if (status.available) {
    expect(status.reason).toMatch(/^loaded from \//)
    expect(status.sha256).toMatch(/^(sha-ni|armv8|openssl)$/)
    expect(status.zstd).toMatch(/^1\./)
    expect(status.zlib).toMatch(/^1\./)
  } else {
    expect(status.reason).not.toBe('')
  }
})

test('an environment variable switches it off', () => {
  expect(statusWith({ BOOTC_SDK_NATIVE: '0' })).toEqual({
    available: false,
    reason: 'disabled by BOOTC_SDK_NATIVE=0',
  })
})

test('without a build it says so and does not throw', () => {
  expect(statusWith({ PREBUILDS_ONLY: '1', npm_config_arch: 'no-such-arch' })).toEqual({
    available: false,
    reason: 'not built',
  })
})
