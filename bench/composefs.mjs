#!/usr/bin/env node
// The composefs store against the real tools, measured in one run: `npm run bench:composefs [-- --only NAME]`.
// Needs root, fsverity, mmdebstrap, jq, zstd, time; MKCOMPOSEFS and CFSCTL name the real tools where they were
// built (cfsctl) or live in a chroot (a command that takes the same arguments).
import { execFileSync } from 'node:child_process'
import { existsSync, openSync, writeSync, closeSync } from 'node:fs'
import { cli, fresh, imageLayout, path, row, run, save, times, wanted } from './harness.mjs'
import { writeDump } from './make-dump.mjs'
import { median } from './measure.mjs'

const cfsctl = process.env.CFSCTL?.split(' ')
const mkcomposefs = process.env.MKCOMPOSEFS?.split(' ')

const pull = (repo, tag) => [
  ...cli,
  ...['image', 'pull', `oci:${imageLayout()}:${tag}`, '--store', 'composefs', '--repo', repo, '--bootable'],
]
const realPull = (repo, tag) => [
  ...cfsctl,
  ...['--repo', repo, 'oci', 'pull', `oci:${imageLayout()}:${tag}`, 'image', '--bootable'],
]
const initReal = (name) => {
  const repo = fresh(name)
  run(...cfsctl, 'init', '--insecure', repo)
  return repo
}
const initOurs = (name) => {
  const repo = fresh(name)
  run(...cli, 'composefs', 'init', '--repo', repo)
  return repo
}

for (const tag of ['zstd', 'gzip']) {
  row(`pull ${tag}`, () => median(times, () => pull(initOurs('ours'), tag)), {
    ...(cfsctl && { cfsctl: () => median(times, () => realPull(initReal('real'), tag)) }),
  })
}
if (wanted('again')) {
  const ours = initOurs('again')
  run(...pull(ours, 'zstd'))
  const real = cfsctl && initReal('again-real')
  if (real) run(...realPull(real, 'zstd'))
  row('pull again', () => median(5, () => pull(ours, 'zstd')), {
    ...(real && { cfsctl: () => median(5, () => realPull(real, 'zstd')) }),
  })
}

for (const entries of [100_000, 300_000, 1_000_000]) {
  const name = `image of ${entries} entries`
  if (!wanted(name)) continue
  const dump = path(`entries-${entries}.dump`)
  if (!existsSync(dump)) writeDump(dump, entries)
  row(
    name,
    () => median(times, () => [...cli, 'composefs', 'mkimage', '--from-file', dump, fresh('image')]),
    {
      ...(mkcomposefs && {
        mkcomposefs: () => median(times, () => [...mkcomposefs, '--from-file', dump, fresh('image')]),
      }),
    },
  )
}

const big = path('gigabyte')
if (wanted('verity') && !existsSync(big)) {
  const block = execFileSync(
    'openssl',
    ['enc', '-aes-128-ctr', '-nosalt', '-K', '00'.repeat(16), '-iv', '00'.repeat(16)],
    {
      input: Buffer.alloc(1 << 20),
      maxBuffer: 1 << 24,
    },
  )
  const fd = openSync(big, 'w')
  for (let i = 0; i < 1024; i++) writeSync(fd, block)
  closeSync(fd)
}
for (const algorithm of ['sha256', 'sha512']) {
  row(
    `verity ${algorithm}, 1 GiB`,
    () => median(times, () => [...cli, 'composefs', 'measure', '--algorithm', algorithm, big]),
    { fsverity: () => median(times, () => ['fsverity', 'digest', `--hash-alg=${algorithm}`, big]) },
  )
}
save('results-composefs.json')
