#!/usr/bin/env node
// Switching boot entries as whole processes: `npm run bench:boot`. Needs root and ostree, mmdebstrap, jq, zstd, time.
import { mkdirSync } from 'node:fs'
import { cli, fresh, imageLayout, row, run, save, times, wanted } from './harness.mjs'
import { median } from './measure.mjs'

const layout = imageLayout()

/** A sysroot with two deployments. */
function twoDeployments(store) {
  const sysroot = fresh(`boot-${store}`)
  mkdirSync(sysroot)
  const source = ['--source-imgref', `oci:${layout}:zstd`, '--karg', 'root=LABEL=root']
  run(
    ...cli,
    'install',
    'to-filesystem',
    '--quiet',
    '--store',
    store,
    '--bootloader',
    'grub',
    ...source,
    sysroot,
  )
  run(...cli, 'switch', '--quiet', '--sysroot', sysroot, '--transport', 'oci', `${layout}:zstd-v2`)
  return sysroot
}

for (const store of ['ostree', 'composefs']) {
  const name = `entry switch, ${store}`
  if (![name, `kargs, ${store}`].some(wanted)) continue
  const sysroot = twoDeployments(store)
  const rollback = () => [...cli, 'rollback', '--sysroot', sysroot]
  row(name, () => median(times, rollback), {})
  let number = 0
  const kargs = () => [...cli, 'kargs', '--sysroot', sysroot, '--append', `bench=${number++}`]
  // It writes all entries anew and switches, as a rollback does.
  const setKargs = () => [
    'ostree',
    'admin',
    'instutil',
    'set-kargs',
    `--sysroot=${sysroot}`,
    `--append=peer=${number++}`,
  ]
  const peers = store === 'ostree' ? { 'ostree set-kargs': () => median(times, setKargs) } : {}
  row(`kargs, ${store}`, () => median(times, kargs), peers)
}

save('results-boot.json')
