import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { bootableImage, file, seededRandom, simulateBoot, writeOciLayout } from '@bootc-sdk/core/testing'
import { nodeSysroot } from '@bootc-sdk/core/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bootc, bootcArgv, install, missing, run, scratch } from './lib/tools.js'

const reason = missing('ostree')
const kills = Number(process.env['E2E_KILLS'] ?? 200)

describe.skipIf(reason)(`an upgrade that is killed${reason ? ` (${reason})` : ''}`, () => {
  const { path, clean } = scratch()
  const sysroot = join(path, 'sysroot')
  const target = (version: number) => ['--transport', 'oci', `${path}/v${version}:latest`]

  beforeAll(async () => {
    for (const version of [1, 2, 3, 4]) {
      mkdirSync(join(path, `v${version}`))
      const entries = Array.from({ length: 300 }, (_, n) =>
        file(`usr/share/data/${n}`, `file ${n} of version ${version}\n`.repeat(1 + (n % 50))),
      )
      const image = bootableImage({ version, extraLayers: [{ entries }] })
      await writeOciLayout(join(path, `v${version}`), image, 'latest')
    }
    mkdirSync(sysroot)
    install(`oci:${path}/v1:latest`, sysroot)
  }, 120_000)
  afterAll(clean)

  /** Run, and kill after `afterMs` unless it is done before; true when it was killed. */
  const runKilled = (args: string[], afterMs: number): Promise<boolean> =>
    new Promise((resolve, reject) => {
      const [program, ...rest] = bootcArgv(...args)
      const child = spawn(program, rest, { stdio: 'ignore' })
      const timer = setTimeout(() => child.kill('SIGKILL'), afterMs)
      child.on('error', reject)
      child.on('exit', (_code, signal) => {
        clearTimeout(timer)
        resolve(signal === 'SIGKILL')
      })
    })
  const bootedVersion = async () => Number((await simulateBoot(await nodeSysroot(sysroot))).version)

  test(
    `boots the old or the new image ${kills} times, and the next upgrade succeeds`,
    { timeout: 1_500_000 },
    async () => {
      const random = seededRandom(20240229)
      const start = performance.now()
      bootc('switch', '--sysroot', sysroot, ...target(2))
      const wholeMs = performance.now() - start
      let current = 2
      let killed = 0
      const outcomes = { old: 0, new: 0 }
      for (let attempt = 0; killed < kills && attempt < kills * 3; attempt++) {
        const next = 1 + ((current + Math.floor(random() * 3)) % 4)
        if (next === current) continue
        if (await runKilled(['switch', '--sysroot', sysroot, ...target(next)], random() * wholeMs * 1.1))
          killed++
        const version = await bootedVersion()
        expect([current, next]).toContain(version)
        outcomes[version === next ? 'new' : 'old']++
        if (attempt % 5 === 4 || version !== next) {
          bootc('switch', '--sysroot', sysroot, ...target(next))
          expect(await bootedVersion()).toBe(next)
        }
        current = next
        if (attempt % 20 === 19) current = checkRepository()
      }
      expect(killed).toBe(kills)
      expect(outcomes.old).toBeGreaterThan(0)
      expect(outcomes.new).toBeGreaterThan(0)
      checkRepository()
    },
  )

  /** The real tool finds nothing wrong, and no partial work is left. */
  function checkRepository(): number {
    bootc('switch', '--sysroot', sysroot, ...target(1))
    bootc('switch', '--sysroot', sysroot, ...target(2))
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
    return 2
  }
})
