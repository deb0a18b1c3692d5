import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Run a program to its end under GNU time.
 *
 * @param {readonly string[]} argv
 * @param {{ env?: Record<string, string>, stdout?: 'ignore' | 'inherit' }} [options]
 * @returns {{ wallS: number, cpuS: number, peakMB: number }} seconds, user + system seconds, MB of 10^6 bytes
 */
export function measure(argv, options = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'bench-'))
  const report = join(dir, 'time')
  try {
    const result = spawnSync('/usr/bin/time', ['-q', '-o', report, '-f', '%e %U %S %M', ...argv], {
      stdio: ['ignore', options.stdout ?? 'ignore', 'pipe'],
      env: { ...process.env, ...options.env },
    })
    if (result.status !== 0) throw new Error(`${argv.join(' ')}: ${result.stderr || result.error?.message}`)
    const [wall, user, system, peak] = readFileSync(report, 'utf8').trim().split(/\s+/).map(Number)
    return { wallS: wall, cpuS: user + system, peakMB: (peak * 1024) / 1e6 }
  } finally {
    rmSync(dir, { recursive: true })
  }
}

/**
 * The same command several times, `before` in between and not counted; the run with the median wall time.
 *
 * @param {number} times
 * @param {() => readonly string[]} before prepares and returns the argv
 */
export function median(times, before, options) {
  const runs = Array.from({ length: times }, () => {
    const argv = before()
    spawnSync('sync')
    return measure(argv, options)
  })
  return runs.sort((a, b) => a.wallS - b.wallS)[Math.floor(times / 2)]
}
