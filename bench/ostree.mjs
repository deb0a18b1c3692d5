#!/usr/bin/env node
// The OSTree store against the real tools, measured in one run: `npm run bench [-- --only NAME]`. Needs root
// and ostree, skopeo, umoci, mmdebstrap, jq, zstd, time.
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { cli, fresh, imageLayout, row, run, save, sh, times } from './harness.mjs'
import { median } from './measure.mjs'

const layout = imageLayout()
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

save('results-ostree.json')
