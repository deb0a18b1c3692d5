import { mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { killCount, killUpgrades, release, writeReleases } from './lib/kills.js'
import { install, missing, run, scratch } from './lib/tools.js'

const reason = missing('ostree')
const kills = killCount(200)

describe.skipIf(reason)(`an upgrade that is killed${reason ? ` (${reason})` : ''}`, () => {
  const { path, clean } = scratch()
  const sysroot = join(path, 'sysroot')

  beforeAll(async () => {
    await writeReleases(path)
    mkdirSync(sysroot)
    install(`oci:${release(path, 1)}`, sysroot)
  }, 120_000)
  afterAll(clean)

  test(
    `boots the old or the new image ${kills} times, and the next upgrade succeeds`,
    { timeout: 1_500_000 },
    () => killUpgrades({ path, sysroot, kills }, checkRepository),
  )

  /** The real tool finds nothing wrong, and no partial work is left. */
  function checkRepository(): void {
    const repo = join(sysroot, 'ostree/repo')
    run('ostree', `--repo=${repo}`, 'fsck', '--quiet')
    expect(readdirSync(join(repo, 'tmp')).filter((name) => name !== 'cache')).toEqual([])
    const deployments = readdirSync(join(sysroot, 'ostree/deploy/default/deploy'))
    expect(deployments.filter((name) => !name.endsWith('.origin'))).toHaveLength(2)
    expect(run('ostree', 'admin', 'status', `--sysroot=${sysroot}`).match(/[0-9a-f]{64}\.\d/g)).toHaveLength(
      2,
    )
    expect(readlinkSync(join(sysroot, 'boot/loader'))).toMatch(/^loader\.[01]$/)
    expect(readFileSync(join(sysroot, 'boot/loader/entries/ostree-2.conf'), 'utf8')).toContain('ostree=')
  }
})
