import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { healthGate, runHealthChecks, spawnProgram } from '../../src/health/index.js'
import { nodeDir } from '../../src/node/index.js'

let root = ''
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'health-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

async function script(path: string, body: string): Promise<void> {
  const file = join(root, path)
  await mkdir(join(file, '..'), { recursive: true })
  await writeFile(file, `#!/bin/sh\n${body}\n`, { mode: 0o755 })
}

const gate = (options: { timeoutMs?: number; maxOutputBytes?: number } = {}) =>
  healthGate({ root: nodeDir(root), ...options })
const required = 'etc/bootc-sdk/check/required.d'
const wanted = 'etc/bootc-sdk/check/wanted.d'

describe('the gate', () => {
  test('without any check lets pass', async () => {
    expect(await gate().check()).toEqual({ healthy: true, checks: [], warnings: [] })
  })

  test('runs all checks, also after one failed, and names the first failure', async () => {
    await script(`${required}/10-good`, 'echo fine')
    await script(`${required}/20-bad`, 'echo starting; echo "no database" >&2; exit 3')
    await script(`${required}/30-bad`, 'exit 1')
    await script(`${wanted}/10-late`, `echo ran > "${root}/late"`)
    const report = await gate().check()
    expect(report.healthy).toBe(false)
    expect(report.reason).toBe('required check 20-bad failed (exit code 3): no database (and 1 more)')
    expect(report.checks.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual([
      '10-good passed',
      '20-bad failed',
      '30-bad failed',
      '10-late passed',
    ])
    expect(report.checks[1]).toMatchObject({ exitCode: 3, required: true, output: 'starting\nno database\n' })
    expect(await readFile(join(root, 'late'), 'utf8')).toBe('ran\n')
  })

  test('takes a failed wanted check for a warning', async () => {
    await script(`${wanted}/10-slow`, 'echo slow network; exit 1')
    const report = await gate().check()
    expect(report.healthy).toBe(true)
    expect(report.warnings).toMatchObject([
      { code: 'health:wanted-failed', message: 'wanted check 10-slow failed (exit code 1): slow network' },
    ])
  })

  test('ends what takes too long, with everything it started', async () => {
    await script(`${required}/10-hangs`, `trap '' TERM; (sleep 30; echo late > "${root}/late") & sleep 30`)
    const report = await gate({ timeoutMs: 200 }).check()
    expect(report).toMatchObject({ healthy: false, checks: [{ outcome: 'timed-out' }] })
    expect(report.reason).toMatch(/^required check 10-hangs took longer than \d+ s$/)
    expect(report.checks[0]!.durationMs).toBeLessThan(10_000)
  }, 20_000)

  test('gives no time to a check when those before it took all of it', async () => {
    await script(`${required}/10-hangs`, 'sleep 30')
    await script(`${required}/20-late`, `echo ran > "${root}/late"`)
    const report = await healthGate({ root: nodeDir(root), totalMs: 150 }).check()
    expect(report.checks.map(({ outcome }) => outcome)).toEqual(['timed-out', 'timed-out'])
    await expect(readFile(join(root, 'late'))).rejects.toThrow(/ENOENT/)
  })

  test('does not wait for what a check leaves running', async () => {
    await script(`${required}/10-starts`, 'sleep 20 & echo started')
    const report = await gate().check()
    expect(report).toMatchObject({ healthy: true, checks: [{ output: 'started\n' }] })
    expect(report.checks[0]!.durationMs).toBeLessThan(10_000)
  })

  test('keeps the end of long output', async () => {
    await script(
      `${required}/10-chatty`,
      'i=0; while [ $i -lt 3000 ]; do echo "äline $i"; i=$((i+1)); done; exit 1',
    )
    const { checks, reason } = await gate({ maxOutputBytes: 101 }).check()
    expect(Buffer.byteLength(checks[0]!.output)).toBeLessThan(110)
    expect(checks[0]!.output).toMatch(/^….*äline 2999\n$/s)
    expect(checks[0]!.output).not.toContain('\ufffd')
    expect(reason).toMatch(/äline 2999$/)
  })

  test('is not fooled by a check that cannot be started or is killed', async () => {
    await script(`${required}/10-killed`, 'kill -KILL $$')
    await mkdir(join(root, required), { recursive: true })
    await writeFile(join(root, required, '20-no-program'), '#!/no/such/interpreter\n', { mode: 0o755 })
    const report = await gate().check()
    expect(report.checks.map(({ outcome, exitCode }) => [outcome, exitCode])).toEqual([
      ['failed', undefined],
      ['failed', undefined],
    ])
  })

  test('keeps control characters out of its reason', async () => {
    await script(`${required}/10-colours`, `printf '\\033[31mred\\033[0m\\007\\n'; exit 1`)
    expect((await gate().check()).reason).not.toMatch(/[\u0000-\u001f]/)
  })

  test('stops when it is aborted, with the reason', async () => {
    await script(`${required}/10-hangs`, 'sleep 30')
    const stop = new AbortController()
    const reason = new Error('stop')
    setTimeout(() => stop.abort(reason), 100)
    await expect(gate().check({ signal: stop.signal })).rejects.toBe(reason)
    await expect(gate().check({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

test('green.d runs after success, red.d after failure', async () => {
  await script('etc/greenboot/green.d/10-green.sh', 'echo green')
  await script('usr/lib/bootc-sdk/red.d/10-red', 'echo red; exit 1')
  const first = await runHealthChecks({ root: nodeDir(root) })
  expect(first.reactions.map(({ output }) => output)).toEqual(['green\n'])
  await script(`${required}/10-bad`, 'exit 1')
  const second = await runHealthChecks({ root: nodeDir(root) })
  expect(second.reactions).toMatchObject([{ output: 'red\n', outcome: 'failed' }])
})

test('a program that ended by itself leaves nothing listening to the signal', async () => {
  const stop = new AbortController()
  const end = await spawnProgram(['/bin/sh', '-c', 'echo done'], { signal: stop.signal, maxOutputBytes: 100 })
  expect(end).toEqual({ exitCode: 0, output: 'done\n' })
  stop.abort()
})
