import { describe, expect, test } from 'vitest'
import { printAleph } from '../../src/orchestrate/aleph.js'
import { bootMountOf } from '../../src/orchestrate/fstab.js'
import { assertBoots, inspectBoot } from '../../src/orchestrate/image-boot.js'
import { chooseLoader, shippedLoaders, type LoaderQuestion } from '../../src/orchestrate/install-loader.js'
import { settleInstall } from '../../src/orchestrate/install-settings.js'
import type { InstallOptions } from '../../src/orchestrate/install-types.js'
import { memoryDir, memorySysroot, type MemoryDir } from '../../src/testing/index.js'
import { images, stable } from './machine.js'

async function treeOf(...paths: readonly string[]): Promise<MemoryDir> {
  const tree = memoryDir()
  for (const path of paths) {
    const parts = path.split('/')
    for (let depth = 1; depth < parts.length; depth++) {
      const directory = parts.slice(0, depth).join('/')
      if ((await tree.stat(directory)) === undefined) await tree.mkdir(directory)
    }
    await tree.write(path, Buffer.from('x'))
  }
  return tree
}

describe('which loader', () => {
  const none = { bootupd: false, systemdBoot: false, grub: false }
  const withEsp = memorySysroot({ boot: 'volume', esp: 'volume' })
  const withoutEsp = memorySysroot({ boot: 'volume' })
  const ask = (question: Partial<LoaderQuestion>) =>
    chooseLoader({
      providers: ['systemd-boot', 'grub'],
      shipped: none,
      uki: false,
      volumes: withEsp,
      ...question,
    })

  test.each<[string, Partial<LoaderQuestion>, string]>([
    ['the option before all else', { asked: 'grub', configured: 'systemd', inUse: 'systemd-boot' }, 'grub'],
    ["bootc's name for it", { asked: 'systemd' }, 'systemd-boot'],
    [
      'the configuration before what the image brings',
      { configured: 'systemd', shipped: { ...none, bootupd: true } },
      'systemd-boot',
    ],
    ['that of entries that stay', { inUse: 'grub', shipped: { ...none, systemdBoot: true } }, 'grub'],
    ['GRUB for bootupd', { shipped: { bootupd: true, systemdBoot: true, grub: true } }, 'grub'],
    [
      'systemd-boot for both without bootupd',
      { shipped: { bootupd: false, systemdBoot: true, grub: true } },
      'systemd-boot',
    ],
    ['GRUB where the image has nothing else', { shipped: { ...none, grub: true } }, 'grub'],
    [
      'GRUB where no EFI system partition is',
      { shipped: { ...none, systemdBoot: true }, volumes: withoutEsp },
      'grub',
    ],
    [
      'systemd-boot for a unified kernel image',
      { shipped: { bootupd: true, systemdBoot: false, grub: true }, uki: true },
      'systemd-boot',
    ],
    ['systemd-boot for an image without any', {}, 'systemd-boot'],
  ])('%s', (_what, question, expected) => {
    const choice = ask(question)
    expect(choice).toMatchObject({ provider: expected, program: true })
    expect(choice.reason).not.toBe('')
  })

  test('none: entries only, where a loader would find them', () => {
    expect(ask({ asked: 'none' })).toMatchObject({ provider: 'grub', program: false })
    expect(ask({ configured: 'none', uki: true })).toMatchObject({ provider: 'systemd-boot', program: false })
    expect(ask({ asked: 'none', volumes: memorySysroot({ boot: 'esp' }) })).toMatchObject({
      provider: 'systemd-boot',
    })
  })

  test('the one of the caller, where neither is known', () => {
    expect(ask({ providers: ['memory-loader'] })).toMatchObject({ provider: 'memory-loader', program: true })
  })

  test('grub-cc is refused', () => {
    expect(() => ask({ configured: 'grub-cc' })).toThrow(
      expect.objectContaining({ code: 'BOOT_LOADER_UNSUPPORTED' }),
    )
  })

  test('what an image brings is seen by its files, also behind links', async () => {
    const tree = await treeOf(
      'usr/bin/bootupctl',
      'usr/lib/bootupd/updates/EFI.json',
      'usr/lib/grub/i386-pc/boot.img',
    )
    expect(await shippedLoaders(tree)).toEqual({ bootupd: true, systemdBoot: false, grub: true })
    const other = await treeOf(
      'usr/lib/systemd/boot/efi/systemd-bootx64.efi.signed',
      'usr/lib/bootupd/updates/x',
    )
    await other.mkdir('usr/bin')
    await other.symlink('bin', 'usr/sbin')
    await other.write('usr/bin/grub2-install', Buffer.from('x'))
    expect(await shippedLoaders(other)).toEqual({ bootupd: false, systemdBoot: true, grub: true })
    expect(await shippedLoaders(await treeOf('usr/lib/systemd/boot/efi/linuxx64.efi.stub'))).toEqual(none)
  })
})

describe('kernels of an image', () => {
  const kernel = (version: string, ...more: string[]) =>
    ['vmlinuz', ...more].map((name) => `usr/lib/modules/${version}/${name}`)

  test.each<[string, readonly string[]]>([
    ['a kernel with an initramfs', kernel('6.1', 'initramfs.img')],
    ['the same as OSTree names it', kernel('6.1', 'initramfs')],
    [
      'modules of a kernel that is not there',
      [...kernel('6.1', 'initramfs.img'), 'usr/lib/modules/5.0/modules.dep'],
    ],
    ['a unified kernel image in /boot', ['boot/EFI/Linux/os.efi']],
    ['one beside a kernel', [...kernel('6.1'), 'usr/lib/modules/6.1/6.1.efi']],
    ['the old layout of OSTree', [`usr/lib/ostree-boot/vmlinuz-4.1-${'0'.repeat(64)}`]],
  ])('%s boots', async (_what, paths) => {
    const boot = await inspectBoot(await treeOf(...paths))
    expect(() => assertBoots(boot)).not.toThrow()
  })

  test.each<[string, string, readonly string[]]>([
    ['none', 'none', ['usr/lib/modules/6.1/modules.dep']],
    ['an addon only', 'none', ['boot/EFI/Linux/os.efi.extra.d/a.addon.efi', 'boot/EFI/Linux/b.addon.efi']],
    ['two', 'several', [...kernel('6.1', 'initramfs.img'), ...kernel('6.2', 'initramfs.img')]],
    ['one without an initramfs', 'no-initramfs', kernel('6.1')],
  ])('%s is refused', async (_what, problem, paths) => {
    const boot = await inspectBoot(await treeOf(...paths))
    expect(() => assertBoots(boot)).toThrow(expect.objectContaining({ code: 'IMAGE_KERNEL' }))
    try {
      assertBoots(boot)
    } catch (error) {
      expect(error).toMatchObject({ details: { problem } })
    }
  })
})

describe('kernel arguments of a new system', () => {
  const grub = { provider: 'grub', program: true, reason: '', named: false }
  const systemd = { ...grub, provider: 'systemd-boot', named: true }
  const root = ['root=UUID=1', 'rootflags=subvol=a', 'rw']
  const settle = (
    options: Partial<InstallOptions>,
    config: Parameters<typeof settleInstall>[1] = undefined,
    loader = grub,
    uki = false,
  ) =>
    settleInstall({ source: stable, ...options }, config, { image: ['console=ttyS0', 'quiet'], uki, loader })

  test('come in the fixed order, and what was given last is not deleted', () => {
    const { kargs } = settle(
      {
        kargs: { root, delete: ['debug'], extra: ['debug', 'own=1'] },
        bootMount: { source: 'UUID=b' },
        disableSelinux: true,
      },
      { kargs: ['net=1 debug', 'quiet'], kargDeletes: ['console'] },
    )
    expect(kargs.join(' ')).toBe(
      'root=UUID=1 rootflags=subvol=a rw boot=UUID=b selinux=0 net=1 quiet debug own=1',
    )
  })

  test('an option says what root= is, then the configuration, then what was found', () => {
    const config = { rootMountSpec: 'LABEL=c' }
    expect(settle({ kargs: { root } }).kargs).toEqual([...root, 'console=ttyS0', 'quiet'])
    expect(settle({ kargs: { root } }, config).kargs).toEqual([
      'root=LABEL=c',
      'rw',
      'console=ttyS0',
      'quiet',
    ])
    expect(settle({ rootMountSpec: '/dev/vda1' }, config).kargs[0]).toBe('root=/dev/vda1')
    expect(settle({ rootMountSpec: '', kargs: { root } }, config).kargs[0]).toBe('rw')
  })

  test('an empty boot spec leaves out what is mounted', () => {
    const bootMount = { source: 'UUID=b' }
    expect(settle({ bootMount }).bootMount).toEqual(bootMount)
    expect(settle({ bootMount }, { bootMountSpec: 'LABEL=boot' }).bootMount).toEqual({ source: 'LABEL=boot' })
    expect(
      settle({ bootMount, bootMountSpec: '' }, { bootMountSpec: 'LABEL=boot' }).bootMount,
    ).toBeUndefined()
  })

  test('root= is left to the type of the partition for systemd-boot by name, or when the image says so', () => {
    const found = { kargs: { root: ['root=UUID=1', 'rw'] }, typedPartitions: true }
    const first = (...args: Parameters<typeof settle>) => settle(...args).kargs[0]
    expect(first(found)).toBe('root=UUID=1')
    expect(first(found, undefined, systemd)).toBe('rw')
    expect(first(found, undefined, { ...systemd, named: false })).toBe('root=UUID=1')
    expect(first(found, { discoverablePartitions: true })).toBe('rw')
    expect(first(found, { discoverablePartitions: false }, systemd)).toBe('root=UUID=1')
    expect(first({ ...found, typedPartitions: false }, undefined, systemd)).toBe('root=UUID=1')
  })

  test('a unified kernel image takes none: asked for ones are refused, configured ones told', () => {
    const sealed = (options: Partial<InstallOptions>, config?: Parameters<typeof settleInstall>[1]) =>
      settle(options, config, systemd, true)
    expect(sealed({ kargs: { root } })).toMatchObject({ kargs: [], warnings: [] })
    for (const options of [
      { kargs: { extra: ['a=1'] } },
      { kargs: { delete: ['a'] } },
      { disableSelinux: true },
    ]) {
      expect(() => sealed(options)).toThrow(
        expect.objectContaining({
          code: 'BOOT_UKI_KARGS',
          message: 'Cannot use externally specified kernel arguments with UKI',
        }),
      )
    }
    expect(sealed({}, { kargs: ['b=2'] }).warnings).toMatchObject([{ code: 'install:uki-kargs' }])
  })

  test('the configuration may demand a signature policy of updates', () => {
    expect(settle({}, { enforceContainerSigpolicy: true }).origin.signature).toEqual({
      kind: 'containerPolicy',
    })
    expect(settle({}, { enforceContainerSigpolicy: false }).origin.signature).toEqual({ kind: 'insecure' })
  })

  test('a way to store the root that the image does not allow is refused', () => {
    expect(() => settle({ blockSetup: 'direct' }, { block: ['tpm2-luks'] })).toThrow(
      'Block setup direct is not enabled in installation config',
    )
    expect(() => settle({ blockSetup: 'direct' }, { block: ['direct'] })).not.toThrow()
  })
})

describe('/boot in an fstab', () => {
  test('counts when it is named by UUID', () => {
    expect(bootMountOf('# /boot\nUUID=1 / xfs defaults 0 0\nUUID=2\t/boot ext4 noatime,ro 1 2\n')).toEqual({
      source: 'UUID=2',
      fsType: 'ext4',
      options: 'noatime,ro',
    })
    expect(bootMountOf('UUID=2 /boot')).toEqual({ source: 'UUID=2', fsType: 'auto' })
  })

  test.each([
    '',
    '/dev/vda2 /boot ext4 defaults 0 0\n',
    '#UUID=2 /boot ext4\n',
    'UUID=2 /boot/efi vfat x 0 0\n',
  ])('%j says nothing', (text) => {
    expect(bootMountOf(text)).toBeUndefined()
  })
})

describe('the aleph file', () => {
  const config = (labels: Readonly<Record<string, string>>) => ({
    manifestDigest: `sha256:${'a'.repeat(64)}` as const,
    config: { ...images[0]!.config, config: { Labels: labels } },
  })
  const facts = { source: stable, target: stable, kernel: '6.12.1', selinux: 'disabled' } as const

  // Keys and their presence as serialised by bootc 1.16.9.
  test('is canonical JSON with the labels and their time in UTC', () => {
    const image = config({
      'org.opencontainers.image.created': '2026-08-21T12:30:00.5+02:00',
      'org.opencontainers.image.version': '41.2',
      a: 'ü"',
    })
    const target = { ...stable, image: { ...stable.image, name: 'registry.example/os:2' } }
    expect(printAleph({ ...facts, target, image })).toBe(
      `{"digest":"sha256:${'a'.repeat(64)}","image":"registry.example/os:stable","kernel":"6.12.1",` +
        '"labels":{"a":"ü\\"","org.opencontainers.image.created":"2026-08-21T12:30:00.5+02:00",' +
        '"org.opencontainers.image.version":"41.2"},"selinux":"disabled","target-image":"registry.example/os:2",' +
        '"timestamp":"2026-08-21T10:30:00.500Z","version":"41.2"}',
    )
  })

  test('leaves out no labels and names below /tmp, and says null for what is not known', () => {
    const source = { ...stable, image: { transport: 'oci', name: '/tmp/x:1' } } as const
    expect(printAleph({ ...facts, source, target: stable, image: config({}) })).toBe(
      `{"digest":"sha256:${'a'.repeat(64)}","kernel":"6.12.1","selinux":"disabled",` +
        '"target-image":"registry.example/os:stable","timestamp":null,"version":null}',
    )
  })

  test.each([
    ['2026-01-02T03:04:05Z', '"2026-01-02T03:04:05Z"'],
    ['2026-01-02T03:04:05.123456789Z', '"2026-01-02T03:04:05.123456789Z"'],
    ['2026-01-02T03:04:05.120Z', '"2026-01-02T03:04:05.120Z"'],
    ['2026-01-02T03:04:05.000Z', '"2026-01-02T03:04:05Z"'],
    ['yesterday', 'null'],
    ['2026-13-02T03:04:05Z', 'null'],
  ])('created %s is written as %s', (created, expected) => {
    const image = config({ 'org.opencontainers.image.created': created })
    expect(printAleph({ ...facts, image })).toContain(`"timestamp":${expected}`)
  })
})
