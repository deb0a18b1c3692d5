import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { nodeDir } from '@bootc-sdk/core/node'
import { expect, test } from 'vitest'
import { installSystemdPieces } from '../src/index.js'
import { fakeRoot, missing, shipped } from './support.js'

const units = join(shipped, 'usr/lib/systemd/system')
const text = (name: string) => readFileSync(join(units, name), 'utf8')
const noAnalyze = missing('systemd-analyze')

test.skipIf(noAnalyze)('systemd finds nothing wrong in the units', async () => {
  const root = fakeRoot({ usr: null })
  await installSystemdPieces(nodeDir(root))
  const installed = join(root, 'usr/lib/systemd/system')
  const names = readdirSync(installed).filter((name) => /^bootc-sdk-.*\.(service|timer|path)$/.test(name))
  expect(names.length).toBeGreaterThan(10)
  const paths = names.map((name) => join(installed, name))
  const { stderr, error } = spawnSync('systemd-analyze', ['verify', '--man=no', ...paths], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], SYSTEMD_UNIT_PATH: `${installed}:` },
  })
  expect(error).toBeUndefined()
  const complaints = stderr
    .split('\n')
    // Programs of the image are not on this machine; nor is the target that the generator makes.
    .filter((line) => line !== '' && !/Command \/usr\/\S+ is not executable|bootc-status-updated/.test(line))
    .filter((line) => line.includes('bootc-sdk'))
  expect(complaints).toEqual([])
})

test.each(['bootc-sdk-update.service', 'bootc-sdk-update.timer'])(
  '%s runs on systems of either store, and on no other',
  (name) => {
    const conditions = text(name).match(/^Condition.*$/gm)
    expect(conditions).toEqual([
      'ConditionPathExists=|/run/ostree-booted',
      'ConditionPathIsDirectory=|/sysroot/composefs',
    ])
  },
)

test('the update timer has bootc’s times', () => {
  const timer = text('bootc-sdk-update.timer')
  for (const line of ['OnBootSec=1h', 'OnUnitInactiveSec=8h', 'RandomizedDelaySec=2h']) {
    expect(timer).toContain(`\n${line}\n`)
  }
})

test('updates are staged by other tools too: ours is stopped before theirs, in time and with time', () => {
  const unit = text('bootc-sdk-finalize-staged.service')
  expect(unit).toMatch(/^After=.*\bostree-finalize-staged\.service\b/m)
  expect(unit).toMatch(/^After=.*\bbootc-finalize-staged\.service\b/m)
  expect(unit).toContain('Conflicts=final.target')
  expect(unit).toContain('TimeoutStopSec=5min')
  expect(unit).toContain('ExecStop=/usr/bin/bootc-sdk finalize-staged\n')
  expect(unit).not.toContain('ExecStart=')
})

test('no shipped file has a name that bootc or libostree ship', () => {
  const taken = /^(?:bootc-(?!sdk-)|ostree-)/
  expect(readdirSync(units).filter((name) => taken.test(name))).toEqual(['ostree-finalize-staged.service.d'])
})
