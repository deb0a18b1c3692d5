import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import {
  bootableImage,
  dirs,
  file,
  seededRandom,
  simulateBoot,
  writeOciLayout,
} from '@bootc-sdk/core/testing'
import type { SimulateBootOptions } from '@bootc-sdk/core/testing'
import { nodeSysroot } from '@bootc-sdk/core/node'
import { expect } from 'vitest'
import { bootc, bootcArgv } from './tools.js'

/** How often processes are killed in a test. */
export function killCount(otherwise: number): number {
  return Number(process.env['E2E_KILLS'] ?? otherwise)
}

/** Four versions of a bootable image, in OCI layouts `v1`…`v4` with the tag `latest`. */
export async function writeReleases(path: string): Promise<void> {
  for (const version of [1, 2, 3, 4]) {
    mkdirSync(join(path, `v${version}`))
    const entries = Array.from({ length: 300 }, (_, n) =>
      file(`usr/share/data/${n}`, `file ${n} of version ${version}\n`.repeat(1 + (n % 50))),
    )
    entries.unshift(...dirs('usr/share', 'usr/share/data'))
    const image = bootableImage({ version, extraLayers: [{ entries }] })
    await writeOciLayout(join(path, `v${version}`), image, 'latest')
  }
}

export const release = (path: string, version: number): string => `${path}/v${version}:latest`

/** Run our command, and kill it after `afterMs` unless it is done before; true when it was killed. */
export function runKilled(args: string[], afterMs: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const [program, ...rest] = bootcArgv(...args)
    const child = spawn(program, rest, { stdio: 'ignore' })
    const timer = setTimeout(() => child.kill('SIGKILL'), afterMs)
    child.on('error', reject)
    child.on('exit', (_code, signal) => {
      clearTimeout(timer)
      resolve(signal === 'SIGKILL')
    })
  })
}

/** How long our command takes here when nobody kills it. */
export function timeOf(...args: string[]): number {
  const start = performance.now()
  bootc(...args)
  return performance.now() - start
}

/**
 * Switch a sysroot with release 1 between the releases at `path` and kill at any moment: it boots the old or the new
 * version each time, and the next try succeeds.
 *
 * @param check called now and then, with two deployments installed
 */
export async function killUpgrades(
  options: { path: string; sysroot: string; kills: number; roots?: SimulateBootOptions['roots'] },
  check: () => void,
): Promise<void> {
  const { path, sysroot, kills, roots } = options
  const random = seededRandom(20240229)
  const switchTo = (version: number) => [
    ...['switch', '--sysroot', sysroot, '--transport', 'oci'],
    release(path, version),
  ]
  const bootedVersion = async () =>
    Number((await simulateBoot(await nodeSysroot(sysroot), { roots })).version)
  let current = 1
  let previous = 1
  // Not the one to roll back to: a store may say that a rollback is the way there.
  const choose = () => {
    const others = [1, 2, 3, 4].filter((version) => version !== current && version !== previous)
    return others[Math.floor(random() * others.length)]!
  }
  const became = (version: number) => {
    previous = current
    current = version
  }
  const switchWholly = () => {
    const next = choose()
    const wholeMs = timeOf(...switchTo(next))
    became(next)
    return wholeMs
  }
  let wholeMs = switchWholly()
  let killed = 0
  const outcomes = { old: 0, new: 0 }
  for (let attempt = 0; killed < kills && attempt < kills * 3; attempt++) {
    const next = choose()
    const wasKilled = await runKilled(switchTo(next), random() * wholeMs * 1.1)
    if (wasKilled) killed++
    const version = await bootedVersion()
    // The machine gets faster and slower; all of the work should be hit.
    wholeMs *= version === next ? 0.97 : 1.03
    expect([current, next]).toContain(version)
    outcomes[version === next ? 'new' : 'old']++
    if (attempt % 5 === 4 || version !== next) {
      bootc(...switchTo(next))
      expect(await bootedVersion()).toBe(next)
    }
    became(next)
    if (attempt % 20 !== 19) continue
    switchWholly()
    switchWholly()
    check()
  }
  expect(killed).toBe(kills)
  expect(outcomes.old).toBeGreaterThan(0)
  expect(outcomes.new).toBeGreaterThan(0)
  switchWholly()
  switchWholly()
  check()
}
