import { buildImage, type BuiltImage } from '@bootc-sdk/core/testing'
import { dir, dirs, file, hardlink, symlink, whiteout } from '@bootc-sdk/core/testing'
import type { TarMember } from '@bootc-sdk/core/tar'

/**
 * Small bootable images whose versions differ where a lifecycle can go wrong:
 *
 * | version | changes |
 * |---|---|
 * | every | os-release, `etc/app.conf`, `etc/added-in-N`, kernel argument `level=N` |
 * | 2 and later | default `etc/legacy.conf` is gone |
 * | 3 and later | another initramfs, so another boot digest |
 *
 * @param tries boots on trial that the image asks for; default: it asks for none
 */
export function releaseImage(version: number, { tries }: { readonly tries?: number } = {}): BuiltImage {
  return buildImage({
    labels: {
      'containers.bootc': '1',
      'ostree.bootable': '1',
      'org.opencontainers.image.version': String(version),
    },
    layers: [
      { entries: baseEntries(), createdBy: 'base' },
      { entries: kernelEntries(version >= 3 ? 2 : 1), createdBy: 'kernel' },
      { entries: releaseEntries(version), createdBy: 'release' },
      ...(tries === undefined ? [] : [{ entries: trialEntries(tries), createdBy: 'trial' }]),
    ],
  })
}

function baseEntries(): TarMember[] {
  return [
    ...dirs('boot', 'dev', 'proc', 'run', 'sys', 'sysroot', 'tmp'),
    symlink('ostree', 'sysroot/ostree'),
    ...dirs('usr', 'usr/bin', 'usr/lib', 'usr/lib/bootc', 'usr/lib/bootc/kargs.d', 'usr/lib/modules'),
    ...dirs('usr/share', 'etc', 'etc/app.d', 'var', 'var/lib'),
    file('usr/bin/app', 'program', { mode: 0o755 }),
    hardlink('usr/bin/app-link', 'usr/bin/app'),
    file('usr/bin/su', 'program of root', { mode: 0o4755 }),
    file('usr/share/owned', 'of a user', { uid: 10, gid: 20, mode: 0o640 }),
    file('usr/bin/capable', 'program', {
      mode: 0o755,
      xattrs: { 'security.capability': Buffer.from('0100000200200000000000000000000000000000', 'hex') },
    }),
    file('usr/share/caf\u00e9', 'name beyond ASCII'),
    symlink('bin', 'usr/bin'),
    file('etc/hostname', 'unset\n'),
    file('etc/legacy.conf', 'old default\n'),
    file('etc/untouched.conf', 'default\n'),
    file('etc/removed-by-admin', 'default\n'),
    file('etc/app.d/defaults', 'colour = blue\n'),
    file('etc/shadow', 'root:*:1::::::\n', { mode: 0o600 }),
    file('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n'),
    file('var/lib/seed', 'copied once\n'),
  ]
}

function kernelEntries(generation: number): TarMember[] {
  const modules = 'usr/lib/modules/6.12.0'
  return [
    ...dirs('usr', 'usr/lib', 'usr/lib/modules', modules),
    file(`${modules}/vmlinuz`, 'kernel 6.12.0\n'.repeat(100)),
    file(`${modules}/initramfs.img`, `initramfs ${generation}\n`.repeat(200)),
  ]
}

function trialEntries(tries: number): TarMember[] {
  return [
    ...dirs('usr', 'usr/lib', 'usr/lib/bootc-sdk'),
    file('usr/lib/bootc-sdk/boot-trial.toml', `[trial]\ntries = ${tries}\n`),
  ]
}

function releaseEntries(version: number): TarMember[] {
  const osRelease = `ID=testos\nNAME="Test OS"\nPRETTY_NAME="Test OS ${version}"\nVERSION_ID=${version}\n`
  return [
    dir('etc'),
    ...dirs('usr', 'usr/lib', 'usr/lib/bootc', 'usr/lib/bootc/kargs.d'),
    file('usr/lib/os-release', osRelease),
    file('usr/lib/bootc/kargs.d/10-app.toml', `kargs = ["quiet", "level=${version}"]\n`),
    file('etc/app.conf', `level = ${version}\n`),
    file(`etc/added-in-${version}`, 'new default\n'),
    ...(version >= 2 ? [whiteout('etc/legacy.conf')] : []),
  ]
}
