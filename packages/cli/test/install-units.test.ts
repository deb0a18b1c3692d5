import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { run } from './capture.js'

function imageRoot(): string {
  const root = mkdtempSync(join(tmpdir(), 'bootc-sdk-units-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  return root
}
const timerLink = 'etc/systemd/system/timers.target.wants/bootc-sdk-update.timer'

test('install-units writes units into an image, says what, and nothing the second time', async () => {
  const root = imageRoot()
  const first = await run(['internals', 'install-units', root])
  expect(first.code).toBe(0)
  expect(first.stdout).toContain('wrote usr/lib/systemd/system/bootc-sdk-boot-check.service\n')
  expect(existsSync(join(root, timerLink))).toBe(false)
  expect(await run(['internals', 'install-units', root])).toEqual({ code: 0, stdout: '', stderr: '' })
})

test('install-units enables updates and takes that back', async () => {
  const root = imageRoot()
  await run(['internals', 'install-units', root, '--only', 'update', '--enable-auto-update'])
  const { stdout } = await run([
    'internals',
    'install-units',
    root,
    '--only',
    'update',
    '--disable-auto-update',
  ])
  expect(stdout).toContain(`removed ${timerLink}\n`)
})

test('install-units refuses contradictions, unknown pieces and roots that are not there', async () => {
  const root = imageRoot()
  const both = ['internals', 'install-units', root, '--enable-auto-update', '--disable-auto-update']
  expect((await run(both)).code).toBe(2)
  const unknown = await run(['internals', 'install-units', root, '--only', 'everything'])
  expect(unknown.code).toBe(2)
  expect(unknown.stderr).toContain('boot-check')
  const absent = await run(['internals', 'install-units', join(root, 'absent')])
  expect(absent.code).toBe(1)
  expect(absent.stderr).toContain('SYSROOT_NOT_FOUND')
})
