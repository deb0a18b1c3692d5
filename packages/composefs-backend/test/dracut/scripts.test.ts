import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { moduleDir } from './shells.js'

const scripts = readdirSync(moduleDir).filter((name) => name.endsWith('.sh'))

test.skipIf(spawnSync('which', ['shellcheck']).status !== 0)(
  'shellcheck finds nothing (if it is here)',
  () => {
    const { stdout, status } = spawnSync('shellcheck', ['-x', ...scripts], {
      cwd: moduleDir,
      encoding: 'utf8',
    })
    expect(stdout).toBe('')
    expect(status).toBe(0)
  },
)

test('what dracut calls and what the unit starts can be executed', () => {
  for (const name of ['module-setup.sh', 'setup-root.sh']) {
    expect(statSync(join(moduleDir, name)).mode & 0o111).toBe(0o111)
  }
})

test('the unit starts what the module installs, for either spelling of the argument', () => {
  const unit = readFileSync(join(moduleDir, 'bootc-sdk-root.service'), 'utf8')
  const setup = readFileSync(join(moduleDir, 'module-setup.sh'), 'utf8')
  expect(unit).toContain('ExecStart=/usr/lib/bootc-sdk/initramfs/setup-root.sh\n')
  expect(setup).toContain('helpers=/usr/lib/bootc-sdk/initramfs ')
  expect(unit).toContain(
    'ConditionKernelCommandLine=|composefs\nConditionKernelCommandLine=|composefs.digest\n',
  )
})
