#!/usr/bin/env node
// Ratios against the real tools, measured in one run: `npm run bench [-- --only NAME]`. Needs root and
// ostree, skopeo, umoci, mmdebstrap, jq, zstd, time. The image is built once, in $BENCH_DIR.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { median } from './measure.mjs'

const here = import.meta.dirname
const work = process.env.BENCH_DIR ?? '/var/tmp/bootc-sdk-bench'
const cli = [process.execPath, join(here, '../packages/cli/bin/bootc-sdk.js')]
const { values: flags } = parseArgs({
  options: { only: { type: 'string' }, times: { type: 'string', default: '3' } },
})
const times = Number(flags.times)

mkdirSync(work, { recursive: true })
execFileSync(join(here, 'make-image.sh'), [work], { stdio: ['ignore', 'ignore', 'inherit'] })
const layout = join(work, 'oci')
const path = (name) => join(work, name)
/**
 * A new name each time, and nothing is deleted before the end: after mass deletion ext4 makes new files slowly
 * for minutes, which would be measured instead of the tools.
 */
const used = []
const fresh = (name) => {
  used.push(path(`run-${process.pid}-${used.length}-${name}`))
  return used.at(-1)
}
process.on('exit', () => {
  for (const dir of used) {
    // Deployment directories are immutable.
    spawnSync('chattr', ['-R', '-f', '-i', join(dir, 'ostree/deploy')], { stdio: 'ignore' })
    rmSync(dir, { recursive: true, force: true })
  }
})
const sh = (script, ...args) => ['bash', '-euo', 'pipefail', '-c', script, 'bench', ...args]
const run = (...argv) => execFileSync(argv[0], argv.slice(1), { stdio: ['ignore', 'ignore', 'inherit'] })

const pull = (repo, tag) => [
  ...cli,
  ...['image', 'pull', `oci:${layout}:${tag}`, '--store', 'ostree', '--repo', repo],
]
// Real bootc's importer, where it was built: BOOTC_PULL="COMMAND … image pull" takes REPO and IMGREF.
const real = process.env.BOOTC_PULL?.split(' ')
const realPull = (repo, tag) => [...real, repo, `ostree-unverified-image:oci:${layout}:${tag}`]
const initBare = (name) => {
  const repo = fresh(name)
  run('ostree', 'init', '--mode=bare', `--repo=${repo}`)
  return repo
}
const commitTars = `
  for digest in $(jq -r --arg t "$2" '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == $t) | .digest' "$1/index.json" |
      sed 's/sha256://' | xargs -I{} jq -r '.layers[].digest' "$1/blobs/sha256/{}" | sed 's/sha256://'); do
    case $2 in gzip) gzip -dc "$1/blobs/sha256/$digest" ;; *) zstd -qdc "$1/blobs/sha256/$digest" ;; esac |
      ostree --repo="$3" commit --branch="layer/$digest" --tree=tar=/dev/stdin --tar-autocreate-parents >/dev/null
  done`

const rows = []
function row(name, ours, peers) {
  if (flags.only && !name.includes(flags.only)) return
  const mine = ours()
  rows.push({ name, tool: 'bootc-sdk', ...mine })
  console.log(format(rows.at(-1)))
  for (const [tool, peer] of Object.entries(peers)) {
    const other = peer()
    rows.push({ name, tool, ...other, wallRatio: mine.wallS / other.wallS, cpuRatio: mine.cpuS / other.cpuS })
    console.log(format(rows.at(-1)))
  }
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

for (const tag of ['zstd', 'gzip']) {
  row(`pull ${tag}`, () => median(times, () => pull(initBare('ours'), tag)), {
    ...(real && { 'bootc (ostree-ext)': () => median(times, () => realPull(initBare('real'), tag)) }),
    'ostree commit tar': () => median(times, () => sh(commitTars, layout, tag, initBare('tars'))),
    'skopeo copy to dir': () =>
      median(times, () => [
        'skopeo',
        '--insecure-policy',
        'copy',
        '-q',
        `oci:${layout}:${tag}`,
        `dir:${fresh('dir')}`,
      ]),
    ...(tag === 'gzip' && {
      'umoci unpack': () =>
        median(times, () => ['umoci', 'unpack', '--image', `${layout}:${tag}`, fresh('bundle')]),
    }),
  })
}

const repo = initBare('again')
run(...pull(repo, 'zstd'))
row('pull again', () => median(5, () => pull(repo, 'zstd')), {})
row(
  'pull, small layer new',
  () =>
    median(times, () => {
      const update = fresh('update')
      run('cp', '-al', repo, update)
      return pull(update, 'zstd-v2')
    }),
  {},
)
const commit = execFileSync('ostree', [`--repo=${repo}`, 'refs', '--list'], { encoding: 'utf8' })
  .split('\n')
  .find((ref) => ref.startsWith('ostree/container/image/'))
row(
  'checkout hard links',
  () => median(5, () => [...cli, 'ostree', 'checkout', '--repo', repo, '-H', commit, fresh('checkout')]),
  {
    'ostree checkout -H': () =>
      median(5, () => ['ostree', `--repo=${repo}`, 'checkout', '-H', commit, fresh('checkout')]),
  },
)
const sysroot = fresh('sysroot')
mkdirSync(sysroot)
const lifecycle = (...args) => run(...cli, ...args)
lifecycle(
  ...['install', 'to-filesystem', '--store', 'ostree', '--bootloader', 'grub'],
  ...['--source-imgref', `oci:${layout}:zstd`, sysroot],
)
lifecycle('switch', '--sysroot', sysroot, '--transport', 'oci', `${layout}:zstd-v2`)
lifecycle('switch', '--sysroot', sysroot, '--transport', 'oci', `${layout}:gzip`)
row('status', () => median(9, () => [...cli, 'status', '--json', '--sysroot', sysroot]), {
  'ostree admin status': () => median(9, () => ['ostree', 'admin', 'status', `--sysroot=${sysroot}`]),
})

writeFileSync(
  path('results.json'),
  JSON.stringify({ cpus: cpus()[0]?.model, node: process.version, rows }, null, 1),
)
console.log(`\nNode ${process.version}, ${cpus().length} × ${cpus()[0]?.model}; ${path('results.json')}`)
