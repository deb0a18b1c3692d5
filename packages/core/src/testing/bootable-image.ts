import type { TarMember } from '../tar/index.js'
import type { LayerCompression } from './compress.js'
import { buildImage } from './image-builder.js'
import type { BuiltImage, LayerSpec } from './image-builder.js'
import { dir, dirs, file, hardlink, symlink, whiteout } from './layer-entries.js'

export interface BootableImageSpec {
  /** 1, 2, 3 …: what differs is written below. */
  readonly version: number
  readonly compression?: LayerCompression
  readonly architecture?: string
  /** `[composefs] enabled=` of prepare-root.conf; default `maybe`. */
  readonly composefs?: 'yes' | 'no' | 'maybe' | 'verity' | 'signed'
  /** Release of the kernel; default `6.12.0-1-amd64`. */
  readonly kernelRelease?: string
  readonly labels?: Readonly<Record<string, string>>
  /** More layers on top. */
  readonly extraLayers?: readonly LayerSpec[]
  /** Further members of the base layer. */
  readonly extraEntries?: readonly TarMember[]
}

/**
 * A tiny image in the shape of a bootc base image: kernel, os-release, /etc, /var content, prepare-root.conf.
 * Three layers; between versions only the top one differs, until version 3 brings another initramfs:
 *
 * | version | changes |
 * |---|---|
 * | every | `VERSION_ID` and `IMAGE_VERSION`, `/usr/share/app/version`, `/etc/app.conf`, label `org.opencontainers.image.version` |
 * | 2, 3 … | one more file `/usr/share/app/feature-N` a version; `/usr/share/app/legacy` is gone; kernel argument `app.level=N` |
 * | 3, 4 … | another initramfs, so another boot digest |
 */
export function bootableImage(spec: BootableImageSpec): BuiltImage {
  const compression = spec.compression ?? 'gzip'
  const release = spec.kernelRelease ?? '6.12.0-1-amd64'
  return buildImage({
    created: `2024-0${Math.min(spec.version, 9)}-01T00:00:00Z`,
    architecture: spec.architecture ?? 'amd64',
    labels: {
      'containers.bootc': '1',
      'ostree.bootable': '1',
      'org.opencontainers.image.version': String(spec.version),
      ...spec.labels,
    },
    layers: [
      {
        entries: [...baseEntries(spec.composefs ?? 'maybe'), ...(spec.extraEntries ?? [])],
        compression,
        createdBy: 'base',
      },
      { entries: kernelEntries(release, spec.version >= 3 ? 2 : 1), compression, createdBy: 'kernel' },
      { entries: appEntries(spec.version), compression, createdBy: 'app' },
      ...(spec.extraLayers ?? []),
    ],
  })
}

function baseEntries(composefs: string): TarMember[] {
  const prepareRoot = `[composefs]\nenabled = ${composefs}\n[sysroot]\nreadonly = true\n`
  return [
    ...dirs('boot', 'dev', 'proc', 'run', 'sys', 'sysroot'),
    dir('tmp', { mode: 0o1777 }),
    symlink('ostree', 'sysroot/ostree'),
    symlink('bin', 'usr/bin'),
    symlink('home', 'var/home'),
    symlink('mnt', 'var/mnt'),
    symlink('root', 'var/roothome'),
    symlink('srv', 'var/srv'),
    ...dirs('usr', 'usr/bin', 'usr/lib', 'usr/lib/bootc', 'usr/lib/bootc/kargs.d', 'usr/lib/modules'),
    ...dirs('usr/lib/ostree', 'usr/share', 'usr/share/app', 'usr/lib/systemd', 'usr/lib/tmpfiles.d'),
    file('usr/bin/app', '#!/bin/sh\ncat /usr/share/app/version\n', { mode: 0o755 }),
    hardlink('usr/bin/app-link', 'usr/bin/app'),
    file('usr/bin/su', 'setuid program', { mode: 0o4755 }),
    file('usr/bin/ping', 'program with capabilities', {
      mode: 0o755,
      xattrs: { 'security.capability': Buffer.from('0100000200200000000000000000000000000000', 'hex') },
    }),
    symlink('usr/bin/sh', 'app'),
    file('usr/lib/bootc/kargs.d/10-console.toml', 'kargs = ["console=ttyS0", "quiet"]\n'),
    file('usr/lib/ostree/prepare-root.conf', prepareRoot),
    file('usr/lib/tmpfiles.d/app.conf', 'd /var/lib/app 0755 root root - -\n'),
    file('usr/share/app/legacy', 'present in version 1 only\n'),
    file('usr/share/app/blob', deterministicBytes(256 * 1024)),
    dir('etc'),
    file('etc/hostname', 'unset\n'),
    file('etc/machine-id', ''),
    file('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n'),
    file('etc/group', 'root:x:0:\nwheel:x:10:\n'),
    file('etc/shadow', 'root:*:19000:0:99999:7:::\n', { mode: 0o600 }),
    symlink('etc/os-release', '../usr/lib/os-release'),
    ...dirs('etc/app.d', 'var', 'var/lib', 'var/lib/app'),
    file('etc/app.d/defaults', 'colour = blue\n'),
    file('var/lib/app/seed', 'copied to /var once\n', { uid: 10, gid: 10, mode: 0o640 }),
  ]
}

function kernelEntries(release: string, generation: number): TarMember[] {
  const modules = `usr/lib/modules/${release}`
  return [
    ...dirs('usr', 'usr/lib', 'usr/lib/modules', modules),
    file(
      `${modules}/vmlinuz`,
      Buffer.concat([Buffer.from(`kernel ${release}\n`), deterministicBytes(96 * 1024)]),
    ),
    file(`${modules}/initramfs.img`, `initramfs ${generation}\n`.repeat(2000)),
    file(`${modules}/modules.dep`, ''),
  ]
}

function appEntries(version: number): TarMember[] {
  const osRelease = [
    'ID=testos',
    'NAME="Test OS"',
    `PRETTY_NAME="Test OS ${version}"`,
    `VERSION_ID=${version}`,
    `IMAGE_VERSION=${version}`,
  ]
  const newer = Array.from({ length: Math.max(version - 1, 0) }, (_, i) => i + 2)
  return [
    ...dirs('etc', 'usr', 'usr/lib', 'usr/share', 'usr/share/app'),
    file('etc/app.conf', `# defaults of version ${version}\nlevel = ${version}\n`),
    file('usr/lib/os-release', `${osRelease.join('\n')}\n`),
    file('usr/share/app/version', `${version}\n`),
    ...newer.map((n) => file(`usr/share/app/feature-${n}`, `since version ${n}\n`)),
    ...(version >= 2
      ? [
          whiteout('usr/share/app/legacy'),
          ...dirs('usr/lib/bootc', 'usr/lib/bootc/kargs.d'),
          file('usr/lib/bootc/kargs.d/20-app.toml', `kargs = ["app.level=${version}"]\n`),
        ]
      : []),
  ]
}

/** Bytes that do not compress away, the same every time (xorshift). */
function deterministicBytes(count: number): Uint8Array {
  const bytes = new Uint8Array(count)
  let state = 0x2545f491
  for (let i = 0; i < count; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes[i] = state & 0xff
  }
  return bytes
}
