import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { grubBootloader } from '@bootc-sdk/bootloader-grub'
import { systemdBoot } from '@bootc-sdk/bootloader-systemd-boot'
import { composefsBackend } from '@bootc-sdk/composefs-backend'
import { isBootcError, openBootc, type InstallOptions } from '@bootc-sdk/core'
import { nodeHost } from '@bootc-sdk/core/node'
import {
  bootableImage,
  dir as directory,
  file,
  memorySysroot,
  memoryTransport,
  serveRegistry,
  type MemorySysroot,
} from '@bootc-sdk/core/testing'
import { ostreeBackend } from '@bootc-sdk/ostree-backend'
import { describe, expect, onTestFinished, test } from 'vitest'
import { makePe } from '../../composefs-backend/test/boot/make-pe.js'
import { warnAndWait } from '../src/commands/install-to-filesystem.js'
import { capture, run } from './capture.js'
import { removeTree } from './remove-tree.js'

const arch = nodeHost().arch
type Image = ReturnType<typeof bootableImage>

async function scratch(): Promise<string> {
  const work = await mkdtemp(join(tmpdir(), 'bootc-sdk-install-'))
  onTestFinished(() => removeTree(work))
  return work
}

/** Arguments that name an image in a registry of its own. */
async function from(image: Image = bootableImage({ version: 1, architecture: arch })): Promise<string[]> {
  const registry = await serveRegistry({ 'os:1': image })
  onTestFinished(() => registry.close())
  return ['--tls-verify=false', '--quiet', '--source-imgref', `docker://${registry.host}/os:1`]
}

async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(args)
  expect(code, `${args.join(' ')}: ${stderr}`).toBe(0)
  return stdout
}

async function fails(...args: string[]): Promise<string> {
  const { code, stderr } = await run(args)
  expect(code).toBe(1)
  return stderr
}

const withFiles = (entries: Readonly<Record<string, string | Buffer>>): Image =>
  bootableImage({
    version: 1,
    architecture: arch,
    extraLayers: [
      {
        entries: Object.entries(entries).flatMap(([path, content]) => [
          ...path
            .split('/')
            .slice(0, -1)
            .map((_, depth, parts) => directory(parts.slice(0, depth + 1).join('/'))),
          file(path, content),
        ]),
        compression: 'none',
      },
    ],
  })

describe('print-configuration', () => {
  test('prints the settings of a root, arguments only with --all', async () => {
    const root = await scratch()
    await mkdir(join(root, 'usr/lib/bootc/install'), { recursive: true })
    await writeFile(
      join(root, 'usr/lib/bootc/install/50.toml'),
      '[install]\nroot-fs-type = "xfs"\nkargs = ["a"]\n',
    )
    const line =
      '{"block":["direct"],"boot-mount-spec":null,"bootloader":null,"bootupd":null,"discoverable-partitions":null,' +
      '"enforce-container-sigpolicy":null,"filesystem":{"root":{"type":"xfs"}},"match-architectures":null,' +
      '"ostree":null,"root-fs-type":"xfs","root-mount-spec":null,"stateroot":null}'
    expect(await ok('install', 'print-configuration', '--root', root)).toBe(line)
    expect(await ok('install', 'print-configuration', '--all', '--root', root)).toBe(
      line.replace('"match-', '"kargs":["a"],"match-'),
    )
  })

  test('refuses what it does not know', async () => {
    const root = await scratch()
    await mkdir(join(root, 'etc/bootc/install'), { recursive: true })
    await writeFile(join(root, 'etc/bootc/install/1.toml'), '[install]\nswap = 1\n')
    expect(await fails('install', 'print-configuration', '--root', root)).toMatch(
      /^error: \/etc\/bootc\/install\/1\.toml: unknown field `swap`, expected one of .*\[IMAGE_INSTALL_CONFIG\]\n$/,
    )
  })
})

describe('to-filesystem', () => {
  test('tells programs what it made', async () => {
    const root = await scratch()
    const image = withFiles({ 'usr/lib/bootc/install/1.toml': '[install]\nkargs = ["from-config"]\n' })
    const result = JSON.parse(
      await ok('install', 'to-filesystem', ...(await from(image)), '--json', '--karg', 'a b', root),
    ) as Record<string, unknown>
    expect(result).toMatchObject({
      stateroot: 'default',
      store: 'ostree',
      bootloader: 'grub',
      bootloaderInstalled: true,
      entries: [{ fileName: 'ostree-1.conf' }],
      configFiles: ['/usr/lib/bootc/install/1.toml'],
      image: { version: '1', architecture: arch },
    })
    expect(existsSync(join(root, result['path'] as string, 'etc'))).toBe(true)
    expect((result['kargs'] as string[]).slice(0, -1)).toEqual([
      ...['rw', 'from-config', 'console=ttyS0', 'quiet', 'a', 'b'],
    ])
  })

  test('writes entries only for --bootloader none, in either store', async () => {
    const source = await from()
    for (const store of ['ostree', 'composefs']) {
      const root = await scratch()
      const text = await ok(
        'install',
        'to-filesystem',
        ...source,
        '--store',
        store,
        '--bootloader',
        'none',
        root,
      )
      expect(text).toContain('Bootloader: none\n')
      const entries = await readdir(join(root, 'boot/loader/entries'))
      expect(entries.filter((name) => name.endsWith('.conf'))).toHaveLength(1)
    }
  })

  test('gives root the keys of a file, which must be there', async () => {
    const root = await scratch()
    const source = await from()
    const keys = `${root}-keys`
    expect(
      await fails('install', 'to-filesystem', ...source, '--root-ssh-authorized-keys', keys, root),
    ).toContain('[HOST_NO_FILE]')
    expect(await readdir(root)).toEqual([])
    await writeFile(keys, 'ssh-ed25519 A\n')
    onTestFinished(() => removeTree(keys))
    const { path } = JSON.parse(
      await ok('install', 'to-filesystem', ...source, '--json', '--root-ssh-authorized-keys', keys, root),
    ) as { path: string }
    expect(await readFile(join(root, path, 'etc/tmpfiles.d/bootc-root-ssh.conf'), 'utf8')).toBe(
      `f~ /var/roothome/.ssh/authorized_keys 600 root root - ${Buffer.from('ssh-ed25519 A\n').toString('base64')}\n`,
    )
  })

  test.each([
    [['--composefs-backend', '--store', 'ostree'], 2],
    [['--bootloader', 'lilo'], 2],
    [['--bootloader', 'grub-cc'], 1],
    [['--uki-addon', 'x'], 1],
  ])('%j is refused', async (options, expected) => {
    const { code, stderr } = await run([
      ...['install', 'to-filesystem'],
      ...(await from()),
      ...options,
      await scratch(),
    ])
    expect(code, stderr).toBe(expected)
  })

  test('without an image says where one could come from', async () => {
    const { code, stderr } = await run(['install', 'to-filesystem', await scratch()])
    expect(code).toBe(2)
    expect(stderr).toContain(
      'Either --source-imgref must be defined or this command must be executed inside a podman container.',
    )
  })
})

describe('an image with a unified kernel image', () => {
  const uki = (id: string) =>
    withFiles({
      'boot/EFI/Linux/os.efi': makePe({
        '.cmdline': `rw composefs=?${id.padEnd(128, '0')}`,
        '.linux': 'k',
        '.initrd': 'i',
      }),
      'boot/EFI/Linux/os.efi.extra.d/debug.addon.efi': 'addon',
      'usr/lib/systemd/boot/efi/systemd-bootx64.efi': makePe({
        '.sdmagic': '#### LoaderInfo: systemd-boot 257 ####',
      }),
    })
  const source = {
    image: { transport: 'registry', name: 'registry.example/os:1' },
    signature: { kind: 'insecure' },
  } as const

  async function install(image: Image, sysroot: MemorySysroot, options: Partial<InstallOptions> = {}) {
    const bootc = await openBootc({
      sysroot,
      transports: [memoryTransport({ [source.image.name]: image })],
      stores: [ostreeBackend(), composefsBackend()],
      bootloaders: [systemdBoot(), grubBootloader()],
    })
    return bootc.install({ source, architecture: arch, kargs: { root: ['root=LABEL=x', 'rw'] }, ...options })
  }

  const machine = () => memorySysroot({ boot: 'volume', esp: 'volume' })
  // What lies in /boot does not change the digest.
  const idOf = () =>
    install(uki('0'), machine(), { store: 'composefs' }).then(({ deployment }) => deployment, sealed)

  /** The digest that the image should have been sealed for. */
  function sealed(error: unknown): string {
    if (!isBootcError(error, 'STORE_COMPOSEFS_SEAL_MISMATCH')) throw error
    return String((error.details as { actual?: unknown }).actual)
  }

  test('goes to the composefs store and systemd-boot by itself, with the addons that were chosen', async () => {
    const image = uki(await idOf())
    await expect(install(image, machine(), { kargs: { extra: ['debug'] } })).rejects.toMatchObject({
      code: 'BOOT_UKI_KARGS',
      message: 'Cannot use externally specified kernel arguments with UKI',
    })
    const sysroot = machine()
    const result = await install(image, sysroot, { ukiAddons: ['debug'] })
    expect(result).toMatchObject({ store: 'composefs', bootloader: 'systemd-boot' })
    expect(result.warnings).toContainEqual(expect.objectContaining({ code: 'install:store-chosen' }))
    expect(await sysroot.root.stat('ostree/repo')).toBeUndefined()
    const name = `bootc_composefs-${result.deployment}.efi`
    const esp = sysroot.esps[0]!.dir
    expect((await esp.stat(`EFI/Linux/bootc/${name}`))?.type).toBe('file')
    expect((await esp.stat(`EFI/Linux/bootc/${name}.extra.d/debug.addon.efi`))?.sizeBytes).toBe(5)
  })
})

/** Loop devices that work, and root. */
const noLoops =
  process.geteuid?.() !== 0 || spawnSync('losetup', ['--find'], { stdio: 'ignore' }).status !== 0

function tool(program: string, ...args: string[]): string {
  const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` }
  const { status, stdout, stderr, error } = spawnSync(program, args, { env, encoding: 'utf8' })
  if (error !== undefined) throw error
  expect(status, `${program} ${args.join(' ')}: ${stderr}`).toBe(0)
  return stdout
}

const known = (type: string) => spawnSync('grep', ['-qw', type, '/proc/filesystems']).status === 0

async function fileSystem(work: string, name: string, program: string, ...args: string[]): Promise<string> {
  const image = join(work, `${name}.img`)
  await writeFile(image, '')
  await truncate(image, 512 << 20)
  tool(program, ...args, image)
  return image
}

async function mount(image: string, point: string, ...options: string[]): Promise<void> {
  await mkdir(point, { recursive: true })
  tool('mount', '-o', ['loop', ...options].join(), image, point)
  onTestFinished(() => void tool('umount', '--lazy', point))
}

const rootUuid = 'c3b6d3a8-6a0e-4bd1-9d0b-0f2c6d1f7e55'
const bootUuid = 'd4c7e4b9-7b1f-4ce2-8e1c-1a3d7e2a8f66'

describe.skipIf(noLoops || !known('ext4'))('a mounted file system', () => {
  test('is found by its UUID, its /boot too, and is left read-only', async () => {
    const work = await scratch()
    const root = join(work, 'mnt')
    await mount(await fileSystem(work, 'root', 'mke2fs', '-q', '-F', '-t', 'ext4', '-U', rootUuid), root)
    await mount(
      await fileSystem(work, 'boot', 'mke2fs', '-q', '-F', '-t', 'ext4', '-U', bootUuid),
      join(root, 'boot'),
    )
    const { kargs, path } = JSON.parse(
      await ok('install', 'to-filesystem', ...(await from()), '--json', root),
    ) as { kargs: string[]; path: string }
    expect(kargs.slice(0, 3)).toEqual([`root=UUID=${rootUuid}`, 'rw', `boot=UUID=${bootUuid}`])
    expect(await readFile(join(root, path, 'etc/fstab'), 'utf8')).toContain(
      `UUID=${bootUuid} /boot auto ro 0 0\n`,
    )
    const entry = await readFile(join(root, 'boot/loader/entries/ostree-1.conf'), 'utf8')
    expect(entry).toMatch(/^linux \/ostree\//m)
    for (const point of [root, join(root, 'boot')]) {
      await expect(writeFile(join(point, 'x'), '')).rejects.toMatchObject({ code: 'EROFS' })
    }
    expect(await ok('install', 'finalize', root)).toBe('')
  })

  test('stays writable with --skip-finalize; specifications of the caller win', async () => {
    const work = await scratch()
    const root = join(work, 'mnt')
    await mount(await fileSystem(work, 'root', 'mke2fs', '-q', '-F', '-t', 'ext4'), root)
    const specs = ['--root-mount-spec', 'LABEL=r', '--boot-mount-spec', 'LABEL=b', '--skip-finalize']
    const { kargs } = JSON.parse(
      await ok('install', 'to-filesystem', ...(await from()), ...specs, '--json', root),
    ) as { kargs: string[] }
    expect(kargs.slice(0, 3)).toEqual(['root=LABEL=r', 'rw', 'boot=LABEL=b'])
    await writeFile(join(root, 'x'), '')
  })

  test('of another kind is refused', async () => {
    const root = join(await scratch(), 'mnt')
    await mkdir(root)
    tool('mount', '-t', 'tmpfs', 'tmpfs', root)
    onTestFinished(() => void tool('umount', root))
    expect(await fails('install', 'to-filesystem', ...(await from()), root)).toContain(
      'Unknown filesystem: tmpfs [SYSROOT_FS_UNSUPPORTED]',
    )
    expect(await fails('install', 'finalize', join(root, '..'))).toContain('Failed to find deployment in')
  })

  test.skipIf(!known('btrfs'))('is named with its subvolume', async () => {
    const work = await scratch()
    const image = await fileSystem(work, 'root', 'mkfs.btrfs', '-q', '-f', '-U', rootUuid)
    const top = join(work, 'top')
    await mount(image, top)
    tool('btrfs', 'subvolume', 'create', join(top, '@root'))
    const root = join(work, 'mnt')
    await mount(image, root, 'subvol=@root')
    const { kargs } = JSON.parse(
      await ok('install', 'to-filesystem', ...(await from()), '--json', '--skip-finalize', root),
    ) as { kargs: string[] }
    expect(kargs.slice(0, 3)).toEqual([`root=UUID=${rootUuid}`, 'rootflags=subvol=@root', 'rw'])
  })

  test('with a system on it is taken over: its kernels go, its files stay', async () => {
    const work = await scratch()
    const root = join(work, 'mnt')
    await mount(await fileSystem(work, 'root', 'mke2fs', '-q', '-F', '-t', 'ext4', '-U', rootUuid), root)
    for (const name of ['boot/grub', 'etc', 'home/me', 'usr/bin'])
      await mkdir(join(root, name), { recursive: true })
    await writeFile(join(root, 'boot/vmlinuz-5.0'), 'old')
    await writeFile(join(root, 'home/me/letter'), 'dear')
    await writeFile(join(root, 'etc/fstab'), `UUID=${bootUuid} /boot ext4 noatime 0 2\n`)
    expect(await fails('install', 'to-filesystem', ...(await from()), root)).toContain('[SYSROOT_NOT_EMPTY]')
    const { kargs } = JSON.parse(
      await ok('install', 'to-existing-root', ...(await from()), '--cleanup', '--json', root),
    ) as { kargs: string[] }
    expect(kargs).toContain(`boot=UUID=${bootUuid}`)
    expect(await readFile(join(root, 'home/me/letter'), 'utf8')).toBe('dear')
    expect(existsSync(join(root, 'boot/vmlinuz-5.0'))).toBe(false)
    expect(existsSync(join(root, 'etc/bootc-destructive-cleanup'))).toBe(true)
    expect(existsSync(join(root, '.bootc-aleph.json'))).toBe(true)
  })
})

test('the wait before the running system is overwritten ends with the reason for it', async () => {
  const reason = new Error('interrupted by a test')
  const signal = AbortSignal.abort(reason)
  await expect(warnAndWait({ err: capture(false), signal })).rejects.toBe(reason)
})

describe('to-disk', () => {
  test('refuses what is no disk and what cannot be made', async () => {
    const work = await scratch()
    const disk = join(work, 'disk')
    await writeFile(disk, '')
    await truncate(disk, 16 << 20)
    const source = await from()
    expect(await fails('install', 'to-disk', ...source, disk)).toContain(
      `error: Not a block device: ${disk} [SYSROOT_DISK_INVALID]`,
    )
    expect(
      await fails('install', 'to-disk', ...source, '--via-loopback', '--block-setup', 'tpm2-luks', disk),
    ).toContain('[SYSROOT_DISK_UNSUPPORTED]')
    expect(await fails('install', 'to-disk', ...source, '--via-loopback', disk)).toMatch(
      /\[SYSROOT_DISK_TOO_SMALL\]|\[HOST_TOOL_MISSING\]/,
    )
    expect((await readFile(disk)).every((byte) => byte === 0)).toBe(true)
  })

  test.each(['0', '1K', '-1', 'x', '1.5G', ''])('%j is no size of a root', async (size) => {
    const { code } = await run(['install', 'to-disk', '--root-size', size, '/x'])
    expect(code).toBe(2)
  })
})
