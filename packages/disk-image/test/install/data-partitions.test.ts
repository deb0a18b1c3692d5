import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { grubBootloader } from '@bootc-sdk/bootloader-grub'
import { composefsBackend } from '@bootc-sdk/composefs-backend'
import { type Host, parseImageReference } from '@bootc-sdk/core'
import { nodeHost } from '@bootc-sdk/core/node'
import { bootableImage, dirs, file, memoryTransport } from '@bootc-sdk/core/testing'
import { ostreeBackend } from '@bootc-sdk/ostree-backend'
import { expect, test } from 'vitest'
import {
  type ImageDisk,
  installToImage,
  type InstallToImageOptions,
  type InstallToImageResult,
  parseCustomizations,
} from '../../src/index.js'
import { scratch } from '../scratch.js'
import { extract, missing, tool } from '../tools.js'

const packing = test.skipIf(missing('mke2fs', 'mkfs.vfat', 'mcopy', 'sgdisk', 'sfdisk') !== false)
const mebibyte = 1 << 20
const name = 'registry.example/os:1'

/** Whoever runs the tests: owners are noted. */
const nobody: Host = (() => {
  const host = nodeHost({ live: false, arch: 'amd64' })
  return { ...host, supports: { ...host.supports, root: false, loop: false, mount: false } }
})()

type Extra = NonNullable<Parameters<typeof bootableImage>[0]['extraEntries']>

const accounts: Extra = [
  file('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n'),
  file('etc/group', 'root:x:0:\n'),
  file('etc/shadow', 'root:*:19000::::::\n', { mode: 0, gid: 42 }),
  ...dirs('var/lib'),
  file('var/lib/seed', 'from the image\n', { mode: 0o640, uid: 7, gid: 8 }),
]
/** As an image looks whose initramfs was built with our module. */
const ownModule: Extra = [
  ...dirs('usr/lib/dracut', 'usr/lib/dracut/modules.d', 'usr/lib/dracut/modules.d/51bootc-sdk'),
  file('usr/lib/dracut/modules.d/51bootc-sdk/parse.sh', 'fstab_mounts() { false; }\n'),
]

const alice = parseCustomizations(`
[[customizations.user]]
name = "alice"
key = "ssh-ed25519 AAAA alice"
[[customizations.filesystem]]
mountpoint = "/var/home"
minsize = "112 MiB"
`)

interface Wishes {
  readonly store?: 'ostree' | 'composefs'
  readonly extra?: Extra
  readonly more?: Partial<InstallToImageOptions>
}

const layout: ImageDisk = {
  espBytes: 40 * mebibyte,
  rootBytes: 144 * mebibyte,
  diskBytes: 420 * mebibyte,
  data: [{ mountPoint: '/var' }],
}

function make(outPath: string, disk: ImageDisk, wishes: Wishes = {}): Promise<InstallToImageResult> {
  const { store = 'ostree', extra = [], more = {} } = wishes
  const image = bootableImage({ version: 1, extraEntries: [...accounts, ...extra] })
  return installToImage({
    parts: {
      transports: [memoryTransport({ [name]: image })],
      stores: [ostreeBackend(), composefsBackend()],
      bootloaders: [grubBootloader()],
    },
    host: nobody,
    install: {
      source: { signature: { kind: 'insecure' }, image: parseImageReference(`registry:${name}`) },
      store,
      bootloader: 'none',
    },
    disk,
    output: { path: outPath },
    ...more,
  })
}

/** Each ext4 of a raw disk as a file of its own, found good by e2fsck; asked by debugfs. */
function fileSystemsOf(at: string, path: string, { disk }: InstallToImageResult) {
  expect(tool('sgdisk', ['-v', path])).toContain('No problems found')
  return new Map(
    disk.partitions
      .filter(({ fs }) => fs?.type === 'ext4')
      .map((partition) => {
        const part = join(at, `${partition.name}.part`)
        extract(path, partition, part)
        tool('e2fsck', ['-fn', part])
        expect(tool('blkid', ['-p', part])).toContain(`"${partition.fs!.uuid}"`)
        return [partition.name, (command: string) => tool('debugfs', ['-R', command, part])] as const
      }),
  )
}

const namesIn = (listing: string): string[] =>
  listing
    .split('\n')
    .map((line) => line.split('/')[5] ?? '')
    .filter((entry) => !['', '.', '..', 'lost+found'].includes(entry))
    .sort()

const digest = async (path: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex')

packing.each(['ostree', 'composefs'] as const)(
  '/var and /home are on partitions of their own, with their content and a line in fstab (%s)',
  { timeout: 300_000 },
  async (store) => {
    const at = await scratch()
    const path = join(at, 'disk.raw')
    const wishes = { store, extra: ownModule, more: { customizations: alice } }
    const result = await make(path, layout, wishes)
    expect(result.disk.partitions.map((part) => part.name)).toEqual(['EFI-SYSTEM', 'home', 'root', 'var'])
    const dump = tool('sfdisk', ['-d', path])
    expect(dump).toMatch(/type=933AC7E1-2EB4-4F13-B844-0E14E2AEF915, .*name="home", attrs="GUID:63"/)
    expect(dump).toMatch(/type=4D21B016-B534-45C2-A9FB-5C16E091FD2D, .*name="var", attrs="GUID:59,63"/)
    expect(dump).not.toMatch(/name="root", attrs/)
    const found = fileSystemsOf(at, path, result)
    const [root, variable, home] = ['root', 'var', 'home'].map((key) => found.get(key)!)

    expect(variable!('cat /lib/seed')).toContain('from the image')
    expect(variable!('stat /lib/seed')).toMatch(/Mode: {2}0640[^]*User: {5}7 {3}Group: {5}8/)
    expect(variable!('stat /')).toMatch(/Mode: {2}0755/)
    expect(namesIn(variable!('ls -p /home'))).toEqual([])
    expect(home!('stat /alice/.ssh/authorized_keys')).toMatch(
      /Mode: {2}0600[^]*User: {2}1000 {3}Group: {2}1000/,
    )
    const varDir = store === 'ostree' ? '/ostree/deploy/default/var' : '/state/os/default/var'
    // Not empty, so that no later deployment fills it.
    expect(namesIn(root!(`ls -p ${varDir}`))).toEqual(['.bootc-sdk-elsewhere'])
    expect(namesIn(root!('ls -p /'))).not.toContain('.bootc-sdk-carved')

    const { deployment } = result.installed
    const etc =
      store === 'ostree'
        ? `/ostree/deploy/default/deploy/${deployment.split('/')[1]}/etc`
        : `/state/deploy/${deployment}/etc`
    const uuidOf = (key: string) => result.disk.partitions.find((part) => part.name === key)!.fs!.uuid
    const fstab = root!(`cat ${etc}/fstab`)
    expect(fstab).toContain(
      `UUID=${uuidOf('var')} /var ext4 defaults,x-systemd.growfs 0 2\n` +
        `UUID=${uuidOf('home')} /var/home ext4 defaults 0 2\n`,
    )
    expect(root!(`stat ${etc}/fstab`)).toMatch(/Mode: {2}0644/)

    await make(join(at, 'again.raw'), layout, wishes)
    expect(await digest(join(at, 'again.raw'))).toBe(await digest(path))
  },
)

packing('lines come behind those of the image, and places that are not there are made', async () => {
  const at = await scratch()
  const path = join(at, 'disk.raw')
  const disk = { ...layout, data: [{ mountPoint: '/var/lib/app/data', sizeBytes: 100 * mebibyte }] }
  const extra = [file('etc/fstab', 'tmpfs /tmp tmpfs defaults 0 0', { mode: 0o600 })]
  // composefs takes it: it is not /var itself, which the initramfs mounts.
  const result = await make(path, disk, { store: 'composefs', extra })
  const found = fileSystemsOf(at, path, result)
  const root = found.get('root')!
  const { uuid } = result.disk.partitions.find(({ role }) => role === 'data')!.fs!
  const fstab = `/state/deploy/${result.installed.deployment}/etc/fstab`
  expect(root(`cat ${fstab}`)).toContain(
    `tmpfs /tmp tmpfs defaults 0 0\nUUID=${uuid} /var/lib/app/data ext4 defaults 0 2\n`,
  )
  expect(root(`stat ${fstab}`)).toMatch(/Mode: {2}0600/)
  expect(root('stat /state/os/default/var/lib/app/data')).toContain('Type: directory')
  expect(root('cat /state/os/default/var/lib/seed')).toContain('from the image')
  expect(namesIn(found.get('var-lib-app-data')!('ls -p /'))).toEqual([])
})

const filesystem = (mountpoint: string, minsize: string) =>
  parseCustomizations(`[[customizations.filesystem]]\nmountpoint = "${mountpoint}"\nminsize = "${minsize}"`)

/** What is wrong, the code, and what the message names. */
const refusals: [string, ImageDisk, Wishes, string, RegExp][] = [
  ['an unknown place', { data: [{ mountPoint: '/opt' }] }, {}, 'SYSROOT_DISK_INVALID', /"\/opt" can have no/],
  [
    'one place twice',
    { data: [{ mountPoint: '/home' }, { mountPoint: '/var/home' }] },
    {},
    'SYSROOT_DISK_INVALID',
    /two partitions for \/var\/home/,
  ],
  [
    'a size that is too small for the content',
    { data: [{ mountPoint: '/var', sizeBytes: 64 * mebibyte }] },
    {},
    'SYSROOT_DISK_TOO_SMALL',
    /for \/var needs/,
  ],
  [
    'a size below the least size of the configuration',
    { data: [{ mountPoint: '/home', sizeBytes: 200 * mebibyte }] },
    { more: { customizations: filesystem('/var/home', '201 MiB') } },
    'SYSROOT_DISK_TOO_SMALL',
    /for \/var\/home needs 210763776/,
  ],
  [
    'xfs without root',
    { data: [{ mountPoint: '/var', fs: 'xfs' }] },
    {},
    'SYSROOT_DISK_UNSUPPORTED',
    /^\/var file system xfs: .*takes root and loop/,
  ],
  [
    'a file in the place',
    { data: [{ mountPoint: '/var/lib/seed/below' }] },
    {},
    'SYSROOT_DISK_CONTENT',
    /"\/var\/lib\/seed" is a file/,
  ],
  [
    'a place that the image mounts itself',
    { data: [{ mountPoint: '/var/lib' }] },
    { extra: [file('etc/fstab', 'LABEL=x /var/lib/ xfs defaults 0 0\n')] },
    'SYSROOT_DISK_INVALID',
    /fstab of the image/,
  ],
  [
    'a /var that the initramfs of composefs would hide',
    { data: [{ mountPoint: '/var' }] },
    { store: 'composefs' },
    'SYSROOT_DISK_UNSUPPORTED',
    /initramfs of the image mounts the \/var/,
  ],
]

packing.each(refusals)('%s is refused, and nothing is left', async (_what, disk, wishes, code, message) => {
  const at = await scratch()
  await expect(make(join(at, 'disk.raw'), { ...layout, ...disk }, wishes)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message),
  })
  expect(await readdir(at)).toEqual([])
})
