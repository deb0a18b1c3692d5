#!/usr/bin/env node
// Disk images against mke2fs -d and the real ostree, measured in one run: `npm run bench:disk`. Needs root and ostree,
// e2fsprogs, dosfstools, mtools, mmdebstrap, jq, zstd, time.
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { cli, fresh, imageLayout, row, run, save, sh, times } from './harness.mjs'
import { median } from './measure.mjs'

const layout = imageLayout()
const toImage = (store, ...more) => {
  const dir = fresh(`image-${store}`)
  mkdirSync(dir)
  const source = ['--source-imgref', `oci:${layout}:zstd`]
  const how = ['--quiet', '--store', store, '--bootloader', 'none', ...source, ...more]
  return [...cli, 'install', 'to-image', ...how, join(dir, 'disk.raw')]
}

/** A sysroot whose repository has the image: what comes before `deploy`, not measured. */
function pulled() {
  const sysroot = fresh('sysroot')
  mkdirSync(sysroot)
  run('ostree', 'admin', 'init-fs', '--modern', sysroot)
  run('ostree', 'admin', 'os-init', `--sysroot=${sysroot}`, 'default')
  const repo = join(sysroot, 'ostree/repo')
  run(...cli, 'image', 'pull', `oci:${layout}:zstd`, '--store', 'ostree', '--repo', repo)
  const refs = execFileSync('ostree', [`--repo=${repo}`, 'refs', '--list'], { encoding: 'utf8' }).split('\n')
  return { sysroot, ref: refs.find((ref) => ref.startsWith('ostree/container/image/')) }
}

const deploy = `
  ostree admin deploy --sysroot="$1" --os=default --karg=root=LABEL=root "$2" >/dev/null
  mke2fs -q -t ext4 -O verity -L root -d "$1" "$3" 3456M`
const commitTars = `
  ostree init --mode=bare --repo="$5"
  for digest in $(jq -r '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == "zstd") | .digest' "$4/index.json" |
      sed 's/sha256://' | xargs -I{} jq -r '.layers[].digest' "$4/blobs/sha256/{}" | sed 's/sha256://'); do
    zstd -qdc "$4/blobs/sha256/$digest" |
      ostree --repo="$5" commit --branch="layer/$digest" --tree=tar=/dev/stdin --tar-autocreate-parents >/dev/null
  done`

row('install to-image, ostree', () => median(times, () => toImage('ostree')), {
  'deploy, mke2fs -d': () =>
    median(times, () => {
      const { sysroot, ref } = pulled()
      return sh(deploy, sysroot, ref, fresh('root.img'))
    }),
  'commit tar, deploy, mke2fs -d': () =>
    median(times, () => {
      const { sysroot, ref } = pulled()
      return sh(commitTars + deploy, sysroot, ref, fresh('root.img'), layout, fresh('tars'))
    }),
})
row('install to-image, composefs', () => median(times, () => toImage('composefs')), {})
row('the same as qcow2', () => median(times, () => toImage('ostree', '--format', 'qcow2')), {})

save('results-disk.json')
