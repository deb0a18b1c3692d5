import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'

const here = import.meta.dirname
export const work = process.env.BENCH_DIR ?? '/var/tmp/bootc-sdk-bench'
export const cli = [process.execPath, join(here, '../packages/cli/bin/bootc-sdk.js')]
const { values: flags } = parseArgs({
  options: { only: { type: 'string' }, times: { type: 'string', default: '3' } },
})
/** Runs of which the median counts. */
export const times = Number(flags.times)

mkdirSync(work, { recursive: true })
export const path = (name) => join(work, name)

/** The image of all measurements, built once: an OCI layout with the tags zstd, gzip and zstd-v2. */
let built = false
export function imageLayout() {
  if (!built) execFileSync(join(here, 'make-image.sh'), [work], { stdio: ['ignore', 'ignore', 'inherit'] })
  built = true
  return path('oci')
}

/**
 * A new name each time, and nothing is deleted before the end: after mass deletion ext4 makes new files slowly
 * for minutes, which would be measured instead of the tools.
 */
const used = []
export const fresh = (name) => {
  used.push(path(`run-${process.pid}-${used.length}-${name}`))
  return used.at(-1)
}
process.on('exit', () => {
  for (const dir of used) {
    // Deployment directories are immutable.
    spawnSync('chattr', ['-R', '-f', '-i', join(dir, 'ostree/deploy')], { stdio: 'ignore' })
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
  }
})
export const sh = (script, ...args) => ['bash', '-euo', 'pipefail', '-c', script, 'bench', ...args]
export const run = (...argv) =>
  execFileSync(argv[0], argv.slice(1), { stdio: ['ignore', 'ignore', 'inherit'] })

const rows = []

/** Is this row asked for (`--only`)? */
export const wanted = (name) => flags.only === undefined || name.includes(flags.only)

/** Measure ours, then each peer, and print the ratios. */
export function row(name, ours, peers) {
  if (!wanted(name)) return
  const mine = ours()
  rows.push({ name, tool: 'bootc-sdk', ...mine })
  console.log(format(rows.at(-1)))
  for (const [tool, peer] of Object.entries(peers)) {
    const other = peer()
    rows.push({ name, tool, ...other, wallRatio: mine.wallS / other.wallS, cpuRatio: mine.cpuS / other.cpuS })
    console.log(format(rows.at(-1)))
  }
}

/** Something measured that has no peer. */
export function note(name, measured) {
  rows.push({ name, tool: 'bootc-sdk', ...measured })
  console.log(`${format(rows.at(-1))}${measured.text}`)
}

function format(r) {
  // A peer too quick for the clock gives no ratio.
  const ratio = Number.isFinite(r.cpuRatio)
    ? `ours/its wall ${r.wallRatio.toFixed(2)}, cpu ${r.cpuRatio.toFixed(2)}`
    : ''
  return [
    r.name.padEnd(24),
    r.tool.padEnd(22),
    `${r.wallS.toFixed(2)} s`.padStart(9),
    `${r.cpuS.toFixed(2)} s cpu`.padStart(12),
    `${r.peakMB.toFixed(0)} MB`.padStart(8),
    ratio,
  ].join('  ')
}

/** Write down everything measured. */
export function save(name) {
  writeFileSync(path(name), JSON.stringify({ cpus: cpus()[0]?.model, node: process.version, rows }, null, 1))
  console.log(`\nNode ${process.version}, ${cpus().length} × ${cpus()[0]?.model}; ${path(name)}`)
}
