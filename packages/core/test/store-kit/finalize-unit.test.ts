import { fakeHost } from '@bootc-sdk/core/testing'
import { expect, test } from 'vitest'
import { startFinalizeUnit } from '../../src/store-kit/index.js'

const unit = 'ostree-finalize-staged.service'

test('staging starts the unit that finalizes at shutdown', async () => {
  const host = fakeHost({ run: () => Promise.resolve({ code: 0, stdout: '', stderr: '' }) })
  expect(await startFinalizeUnit(host, unit)).toEqual([])
  expect(host.calls).toEqual([['systemctl', 'start', 'ostree-finalize-staged.service']])
})

test('a unit that cannot be started is a warning with the reason and what to do', async () => {
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
    expect(warning?.message).toContain('finalize-staged')
  }
})
