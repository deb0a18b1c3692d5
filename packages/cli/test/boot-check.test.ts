import type { BootCheckResult } from '@bootc-sdk/core'
import { expect, test } from 'vitest'
import { bootCheckLines } from '../src/commands/boot-check.js'
import { changeLines } from '../src/commands/print-change.js'
import { run } from './capture.js'

const failed = {
  ...{ deployment: 'x.0', version: '3', reference: 'docker://r.test/os:1' },
  ...{ at: '2026-01-02T03:04:05.000Z', boots: 3, reason: 'no database' },
}
const result: BootCheckResult = {
  healthy: true,
  report: { healthy: true, checks: [], warnings: [] },
  ...{
    reactions: [],
    deployment: 'y.0',
    verdict: 'none',
    fellBackFrom: [],
    warnings: [],
    rebootRequested: false,
  },
}
const check = { name: '10-db', path: '/etc/bootc-sdk/check/required.d/10-db', durationMs: 1, required: true }
const texts = (changes: Partial<BootCheckResult>) =>
  bootCheckLines({ ...result, ...changes }).map(({ text, isBad }) => `${isBad ? '!' : ' '}${text}`)

test('a fall-back is told with its reason', () => {
  expect(texts({ fellBackFrom: [failed] })).toEqual([
    '!Fell back from docker://r.test/os:1 3, which failed: 2026-01-02 03:04, 3 boots: no database',
    ' This boot is healthy',
  ])
})

test('a failed check is told with what it said, safely', () => {
  const checks = [
    { ...check, outcome: 'passed', output: '' },
    { ...check, name: '20', path: '/x/20', outcome: 'failed', exitCode: 1, output: 'a\n\n\u001b[2Jb\n' },
  ] as const
  const report = { healthy: false, checks, warnings: [], reason: 'required check 20 failed' }
  const lines = texts({
    healthy: false,
    report,
    count: { left: 1, done: 1 },
    verdict: 'retry',
    rebootRequested: true,
  })
  expect(lines).toEqual([
    ' passed: /etc/bootc-sdk/check/required.d/10-db',
    '!failed: /x/20',
    '!  a',
    '!  \\x1b[2Jb',
    '!This boot is not healthy: required check 20 failed',
    '!It is on trial, with 1 more try',
    '!Rebooting',
  ])
})

test('the end of a trial and the last try are told', () => {
  expect(texts({ verdict: 'passed' })).toEqual([' This boot is healthy; its trial is over'])
  const report = { healthy: false, checks: [], warnings: [], reason: 'bad' }
  expect(texts({ healthy: false, report, count: { left: 0, done: 3 } }).at(-1)).toBe(
    '!It was the last try: the next boot falls back',
  )
})

test('an update to what failed is refused in words', () => {
  const lines = changeLines({ outcome: 'known-bad', failed, warnings: [], rebootRequested: false })
  expect(lines).toEqual([
    'It failed here: 2026-01-02 03:04, 3 boots: no database',
    'A newer image will be taken; `bootc-sdk upgrade --retry-failed` tries this one again.',
  ])
})

test('wrong arguments exit with 2', async () => {
  expect((await run(['boot-check', '--reboot', '--only-report'])).code).toBe(2)
  expect((await run(['boot-check', '--timeout', 'soon'])).code).toBe(2)
  expect((await run(['upgrade', '--retry-failed', '--from-downloaded'])).code).toBe(2)
})

test('on a system that was not installed from an image it is an error', async () => {
  const { code, stderr } = await run(['boot-check', '--only-report', '--sysroot', '/proc/self/fdinfo'])
  expect(code).toBe(1)
  expect(stderr).toMatch(/DEPLOY_NOT_BOOTED|SYSROOT_/)
})
