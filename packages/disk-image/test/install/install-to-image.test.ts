import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { grubBootloader } from '@bootc-sdk/bootloader-grub'
import { systemdBoot } from '@bootc-sdk/bootloader-systemd-boot'
import { composefsBackend } from '@bootc-sdk/composefs-backend'
import { BootcError, type Host, type ImageTransport, parseImageReference } from '@bootc-sdk/core'
import { nodeHost } from '@bootc-sdk/core/node'
import { bootableImage, dirs, file, memoryTransport } from '@bootc-sdk/core/testing'
import { ostreeBackend } from '@bootc-sdk/ostree-backend'
import { expect, test } from 'vitest'
import {
  installToImage,
  type InstallToImageOptions,
  type InstallToImageResult,
  parseCustomizations,
} from '../../src/index.js'
import { scratch } from '../scratch.js'
import { extract, missing, tool } from '../tools.js'

const without = missing('mke2fs', 'mkfs.vfat', 'mcopy', 'sgdisk', 'qemu-img')
const packing = test.skipIf(without !== false)
const mebibyte = 1 << 20
const name = 'registry.example/os:1'

/** Whoever runs the tests: owners are noted. */
const nobody: Host = (() => {
  const host = nodeHost({ live: false, arch: 'amd64' })
  return { ...host, supports: { ...host.supports, root: false, loop: false, mount: false } }
})()

/** With a loader, as systemd-boot is found in images, and accounts. */
const image = bootableImage({
  version: 1,
  extraEntries: [
    ...dirs('usr/lib/systemd/boot', 'usr/lib/systemd/boot/efi'),
    file('usr/lib/systemd/boot/efi/systemd-bootx64.efi', 'MZ #### LoaderInfo: systemd-boot 257 ####'),
    file('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n'),
    file('etc/group', 'root:x:0:\nwheel:x:10:\n'),
    file('etc/shadow', 'root:*:19000::::::\n', { mode: 0, gid: 42 }),
  ],
})

interface Wishes {
  readonly store?: 'ostree' | 'composefs'
  readonly bootloader?: 'grub' | 'systemd' | 'none'
  readonly transport?: ImageTransport
}

function make(
  outPath: string,
  { store = 'ostree', bootloader = 'systemd', transport = memoryTransport({ [name]: image }) }: Wishes = {},
  more: Partial<InstallToImageOptions> = {},
): Promise<InstallToImageResult> {
  return installToImage({
    parts: {
      transports: [transport],
      stores: [ostreeBackend(), composefsBackend()],
      bootloaders: [systemdBoot(), grubBootloader()],
    },
    host: nobody,
    install: {
      source: { signature: { kind: 'insecure' }, image: parseImageReference(`registry:${name}`) },
      store,
      bootloader,
    },
    disk: { espBytes: 40 * mebibyte, rootBytes: 144 * mebibyte },
    output: { path: outPath },
    ...more,
  })
}

const digest = async (path: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex')

const config = `
[customizations]
hostname = "made-here"
[[customizations.user]]
name = "alice"
groups = ["wheel"]
key = "ssh-ed25519 AAAA alice"
[customizations.kernel]
append = 'debug "two words"'
[[customizations.files]]
path = "/etc/motd"
data = "hello"
mode = "0600"
`

/** The parts of a raw disk as files of their own, checked by the programs of their file systems. */
function partsOf(at: string, path: string, { disk }: InstallToImageResult): Record<string, string> {
  expect(tool('sgdisk', ['-v', path])).toContain('No problems found')
  const found: Record<string, string> = {}
  for (const partition of disk.partitions) {
    const part = join(at, `${partition.role}.part`)
    extract(path, partition, part)
    found[partition.role] = part
    if (partition.fs?.type === 'ext4') tool('e2fsck', ['-fn', part])
    if (partition.fs?.type === 'vfat') tool('fsck.fat', ['-n', part])
    if (partition.fs !== undefined) expect(tool('blkid', ['-p', part])).toContain(`"${partition.fs.uuid}"`)
  }
  return found
}

packing(
  'a disk boots an OSTree deployment by systemd-boot, with everything that was wished for',
  async () => {
    const at = await scratch()
    const path = join(at, 'disk.raw')
    const result = await make(path, {}, { customizations: parseCustomizations(config) })
    expect(await readdir(at)).toEqual(['disk.raw'])
    expect(result).toMatchObject({
      output: { path, format: 'raw', device: false, diskBytes: (await stat(path)).size },
      installed: { store: 'ostree', bootloader: 'systemd-boot', image: { version: '1' } },
      epoch: Date.parse('2024-01-01T00:00:00Z') / 1000,
    })
    const { root = '', esp = '' } = partsOf(at, path, result)
    const uuid = result.disk.partitions.find(({ role }) => role === 'root')!.fs!.uuid
    expect(result.installed.kargs.slice(0, 2)).toEqual([`root=UUID=${uuid}`, 'rw'])
    expect(result.installed.kargs.slice(4, 6)).toEqual(['debug', '"two words"'])

    const listed = tool('mdir', ['-i', esp, '-/', '-b', '::/'])
    for (const wanted of [
      '::/EFI/BOOT/BOOTX64.EFI',
      '::/EFI/systemd/systemd-bootx64.efi',
      '::/loader/entries/',
    ]) {
      expect(listed).toContain(wanted)
    }
    const entry = listed.split('\n').find((line) => line.endsWith('.conf') && line.includes('/entries/'))!
    const text = tool('mtype', ['-i', esp, entry])
    expect(text).toContain(`root=UUID=${uuid} rw`)
    expect(text).toContain('ostree=/ostree/boot.')
    expect(listed).not.toContain('random-seed')

    const debugfs = (command: string) => tool('debugfs', ['-R', command, root])
    const deployed = `/ostree/deploy/default/deploy/${result.installed.deployment.split('/')[1]}`
    expect(debugfs(`cat ${deployed}/etc/hostname`)).toContain('made-here')
    expect(debugfs(`cat ${deployed}/etc/passwd`)).toContain('alice:x:1000:1000:')
    expect(debugfs(`cat ${deployed}/etc/group`)).toContain('wheel:x:10:alice')
    expect(debugfs(`stat ${deployed}/etc/motd`)).toMatch(/Mode: {2}0600/)
    expect(debugfs(`stat ${deployed}/etc/shadow`)).toMatch(/Mode: {2}0000[^]*Group: {4}42/)
    const keys = '/ostree/deploy/default/var/home/alice/.ssh/authorized_keys'
    expect(debugfs(`stat ${keys}`)).toMatch(/Mode: {2}0600[^]*User: {2}1000 {3}Group: {2}1000/)
    expect(debugfs(`stat ${deployed}`)).toMatch(/Flags: 0x80010/)
    // One file with a name in the deployment and one in the repository.
    expect(debugfs(`stat ${deployed}/usr/bin/su`)).toMatch(/Mode: {2}04755[^]*Links: 2/)
  },
)

packing.each(['ostree', 'composefs'] as const)(
  'the same image gives the same bytes, by whoever and whenever (%s)',
  { timeout: 180_000 },
  async (store) => {
    const at = await scratch()
    const customizations = parseCustomizations(config)
    const before = process.umask(0o022)
    try {
      await make(join(at, 'first.raw'), { store }, { customizations })
      await new Promise((resolve) => setTimeout(resolve, 1100))
      await make(join(at, 'second.raw'), { store }, { customizations })
      // As root owners are set and not noted, where the tests are run by root.
      await make(
        join(at, 'third.raw'),
        { store },
        { customizations, host: nodeHost({ live: false, arch: 'amd64' }) },
      )
      await make(join(at, 'other.raw'), { store })
    } finally {
      process.umask(before)
    }
    const first = await digest(join(at, 'first.raw'))
    expect(await digest(join(at, 'second.raw'))).toBe(first)
    expect(await digest(join(at, 'third.raw'))).toBe(first)
    expect(await digest(join(at, 'other.raw'))).not.toBe(first)
  },
)

packing('composefs is packed with its objects, and boots where fs-verity is not enabled yet', async () => {
  const at = await scratch()
  const path = join(at, 'disk.raw')
  const result = await make(path, { store: 'composefs', bootloader: 'grub' })
  const { root = '', esp } = partsOf(at, path, result)
  const id = result.installed.deployment
  expect(result.installed.kargs).toContain(`composefs=?${id}`)
  const debugfs = (command: string) => tool('debugfs', ['-R', command, root])
  expect(debugfs('stats')).toMatch(/Filesystem features:.* verity/)
  expect(debugfs(`stat /composefs/objects/${id.slice(0, 2)}/${id.slice(2)}`)).toMatch(/Mode: {2}0644/)
  expect(debugfs('ls -p /boot/loader/entries')).toContain('.conf')
  expect(debugfs(`ls -p /state/deploy/${id}`)).toContain('/etc/')
  expect(esp).toBeDefined()
})

packing('qcow2 is checked by qemu-img', async () => {
  const at = await scratch()
  const path = join(at, 'disk.qcow2')
  await make(path, {}, { output: { path, format: 'qcow2' } })
  expect(tool('qemu-img', ['check', path])).toContain('No errors were found')
})

packing('an extended boot partition holds the entries, and GRUB finds it by its UUID', async () => {
  const at = await scratch()
  const disk = { espBytes: 40 * mebibyte, rootBytes: 144 * mebibyte, xbootldr: { sizeBytes: 128 * mebibyte } }
  const systemd = await make(join(at, 'systemd.raw'), {}, { disk })
  const { xbootldr = '' } = partsOf(at, join(at, 'systemd.raw'), systemd)
  expect(tool('mdir', ['-i', xbootldr, '-/', '-b', '::/'])).toContain('::/loader/entries/')
  const grub = await make(join(at, 'grub.raw'), { bootloader: 'grub' }, { disk })
  const { xbootldr: boot = '', root = '' } = partsOf(at, join(at, 'grub.raw'), grub)
  const uuid = grub.disk.partitions.find(({ role }) => role === 'xbootldr')!.fs!.uuid
  expect(grub.installed.kargs).toContain(`boot=UUID=${uuid}`)
  expect(tool('debugfs', ['-R', 'ls -p /', boot])).toContain('loader')
  const fstab = `/ostree/deploy/default/deploy/${grub.installed.deployment.split('/')[1]}/etc/fstab`
  expect(tool('debugfs', ['-R', `cat ${fstab}`, root])).toContain(`UUID=${uuid} /boot ext4`)
})

packing('a tag that moves meanwhile does not mix two images', async () => {
  const at = await scratch()
  let asked = 0
  const [one, two] = [1, 2].map((version) => memoryTransport({ [name]: bootableImage({ version }) }))
  const moving: ImageTransport = {
    ...one!,
    resolve: (...args) => (asked++ === 0 ? one! : two!).resolve(...args),
    openLayer: (...args) => one!.openLayer(...args),
  }
  const result = await make(join(at, 'disk.raw'), { transport: moving, bootloader: 'none' })
  expect(result.installed.image.version).toBe('1')
  expect(asked).toBe(1)
})

/** What is wrong, the code, and what the message names. */
const refusals: [string, Partial<InstallToImageOptions>, Wishes, string, RegExp][] = [
  ['another architecture', { install: installed({ architecture: 'arm64' }) }, {}, 'IMAGE_', /amd64|arm64/],
  ['a root that is too small', { disk: { rootBytes: 64 * mebibyte } }, {}, 'SYSROOT_DISK_TOO_SMALL', /root/],
  ['a disk that is too small', { disk: { diskBytes: 100 * mebibyte } }, {}, 'SYSROOT_DISK_TOO_SMALL', /root/],
  ['an ESP that is too small', { disk: { espBytes: 8 * mebibyte } }, {}, 'SYSROOT_DISK_TOO_SMALL', /EFI/],
  [
    'a group that is not there',
    { customizations: parseCustomizations(`[[customizations.user]]\nname = "bob"\ngroups = ["none"]`) },
    {},
    'SYSROOT_CUSTOMIZATION_INVALID',
    /groups/,
  ],
  ['xfs without root', { disk: { rootFs: 'xfs' } }, {}, 'SYSROOT_DISK_UNSUPPORTED', /takes root and loop/],
  ['BIOS by systemd-boot', { disk: { bootMode: 'both' } }, {}, 'SYSROOT_DISK_UNSUPPORTED', /BIOS/],
]

function installed(more: Partial<InstallToImageOptions['install']>): InstallToImageOptions['install'] {
  const source = { signature: { kind: 'insecure' }, image: parseImageReference(`registry:${name}`) } as const
  return { source, store: 'ostree', bootloader: 'systemd', ...more }
}

packing.each(refusals)('%s is refused, and nothing is left', async (_what, more, wishes, code, message) => {
  const at = await scratch()
  const error: unknown = await make(join(at, 'disk.raw'), wishes, more).catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(BootcError)
  expect((error as BootcError).code).toContain(code)
  expect((error as BootcError).message).toMatch(message)
  expect(await readdir(at)).toEqual([])
})

test('an output that cannot be is refused before anything is asked for', async () => {
  const at = await scratch()
  const idle = memoryTransport({})
  const path = join(at, 'nowhere/disk.raw')
  await expect(make(path, { transport: idle })).rejects.toMatchObject({
    code: 'SYSROOT_DISK_INVALID',
    message: `output: there is no directory ${join(at, 'nowhere')}`,
  })
  await mkdir(join(at, 'taken'))
  await expect(make(join(at, 'taken'), { transport: idle })).rejects.toMatchObject({
    code: 'SYSROOT_DISK_INVALID',
  })
  await expect(make('/dev/null', { transport: idle })).rejects.toMatchObject({ code: 'SYSROOT_DISK_INVALID' })
})

test('a program that is missing is named before anything is fetched', async () => {
  const at = await scratch()
  const idle = memoryTransport({})
  const host: Host = {
    ...nobody,
    run: (argv, options) => nobody.run(argv[0] === 'mcopy' ? ['no-such-program'] : argv, options),
  }
  await expect(make(join(at, 'disk.raw'), { transport: idle }, { host })).rejects.toMatchObject({
    code: 'HOST_TOOL_MISSING',
    details: { tool: 'mcopy', debian: 'mtools' },
  })
})

packing('aborting leaves what was there before', async () => {
  const at = await scratch()
  const path = join(at, 'disk.raw')
  await writeFile(path, 'before')
  for (const type of ['import:layer', 'disk:scan', 'disk:format']) {
    const controller = new AbortController()
    const made = make(
      path,
      {},
      {
        signal: controller.signal,
        onProgress: (event) => {
          if (event.type === type) controller.abort(new Error(`stopped at ${type}`))
        },
      },
    )
    await expect(made).rejects.toThrow(`stopped at ${type}`)
    expect(await readdir(at)).toEqual(['disk.raw'])
    expect(await readFile(path, 'utf8')).toBe('before')
  }
})

const ostree = spawnSync('ostree', ['--version']).error === undefined
test.skipIf(without !== false || !ostree)(
  'the real ostree reads the deployment and finds its repository whole',
  async () => {
    const at = await scratch()
    const path = join(at, 'disk.raw')
    const result = await make(path, { bootloader: 'grub' })
    const { root = '' } = partsOf(at, path, result)
    const sysroot = join(at, 'sysroot')
    await mkdir(sysroot)
    // Without root it restores no owners, which ostree does not look at here.
    tool('debugfs', ['-R', `rdump / ${sysroot}`, root])
    const status = execFileSync('ostree', ['admin', 'status', `--sysroot=${sysroot}`], { encoding: 'utf8' })
    expect(status).toContain(`default ${result.installed.deployment.split('/')[1]}`)
  },
)

const bootctl = process.env['BOOTCTL'] ?? 'bootctl'
const noBootctl = spawnSync(bootctl, ['--version']).error !== undefined
if (noBootctl && process.env['CI'] !== undefined) throw new Error('bootctl is missing: install systemd-boot')

test.skipIf(without !== false || noBootctl)('bootctl lists the entry and finds its files', async () => {
  const at = await scratch()
  const path = join(at, 'disk.raw')
  const result = await make(path)
  const { esp = '' } = partsOf(at, path, result)
  for (const name of ['files', 'mount']) await mkdir(join(at, name))
  tool('mcopy', ['-s', '-Q', '-i', esp, '::/*', join(at, 'files')])
  // It wants a file system of its own: a copy, in a mount namespace.
  const script = `
    mount -t tmpfs tmpfs "$2" && cp -r "$1/." "$2" &&
    SYSTEMD_RELAX_ESP_CHECKS=1 "$3" --esp-path="$2" --no-pager list`
  const argv = ['-rm', 'bash', '-c', script, '_', join(at, 'files'), join(at, 'mount'), bootctl]
  const listed = execFileSync('unshare', argv, { encoding: 'utf8' })
  expect(listed).toContain('ostree=/ostree/boot.')
  expect(listed).toMatch(/version: 1/)
  expect(listed).not.toContain('No such file')
})
