import { fakeHost } from '@bootc-sdk/core/testing'
import { expect, test } from 'vitest'
import { startFinalizeUnit } from '../../src/store-kit/index.js'

const unit = 'ostree-finalize-staged.service'
const own = 'bootc-sdk-finalize-staged.service'

test('staging starts our unit, which finalizes at shutdown whatever the store', async () => {
  const host = fakeHost({ run: () => Promise.resolve({ code: 0, stdout: '', stderr: '' }) })
  expect(await startFinalizeUnit(host, unit)).toEqual([])
  expect(host.calls).toEqual([['systemctl', 'start', own]])
})

test('where an image does not have ours, that of the store’s own tools is started', async () => {
  const host = fakeHost({
    run: ([, , name]) =>
      Promise.resolve({ code: name === own ? 5 : 0, stdout: '', stderr: name === own ? 'not found' : '' }),
  })
  expect(await startFinalizeUnit(host, unit)).toEqual([])
  expect(host.calls).toEqual([
    ['systemctl', 'start', own],
    ['systemctl', 'start', unit],
  ])
})

test('when no unit can be started, a warning has the reasons and what to do', async () => {
  const failing = fakeHost({
    run: () => Promise.resolve({ code: 5, stdout: '', stderr: 'Unit not found.\n' }),
  })
  const missing = fakeHost({ run: () => Promise.reject(new Error('systemctl is not installed')) })
  for (const [host, reason] of [
    [failing, 'Unit not found.'],
    [missing, 'systemctl is not installed'],
  ] as const) {
    const [warning] = await startFinalizeUnit(host, unit)
    expect(warning?.code).toBe('deploy:finalize-unit')
    expect(warning?.message).toContain(reason)
    expect(warning?.message).toContain(unit)
    expect(warning?.message).toContain('finalize-staged')
  }
})
