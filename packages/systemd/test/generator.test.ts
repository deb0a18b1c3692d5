import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { expect, test } from 'vitest'
import { fakeRoot, script, type Tree } from './support.js'

const generator = 'usr/lib/systemd/system-generators/bootc-sdk-generator'
const units = Object.fromEntries(
  [
    'bootc-sdk-overlay-relabel.service',
    'bootc-sdk-shadow-sync.service',
    'bootc-sdk-status-updated.path',
    'bootc-sdk-destructive-cleanup.service',
    'bootc-sdk-fstab-edit.service',
    'bootc-sdk-finalize-staged.service',
  ].map((name) => [`usr/lib/systemd/system/${name}`, '']),
)

/** proc(5), /proc/PID/mountinfo: what is at / after the initramfs left. */
const mounted = (source: string, options: string, type = 'overlay') =>
  `1 0 0:2 / / rw - rootfs none rw\n29 1 0:30 / / ${options},relatime shared:1 - ${type} ${source} ${options},lowerdir=/x\n` +
  '30 29 254:2 / /sysroot ro,relatime shared:2 - ext4 /dev/vda2 rw\n'
const composefs = (options = 'ro') => ({ 'proc/self/mountinfo': mounted('composefs:0123', options) })
const ostree = {
  'proc/self/mountinfo': mounted('composefs', 'ro'),
  'run/ostree-booted': '',
}

function generate(tree: Tree, env: Record<string, string> = {}) {
  const root = fakeRoot({ ...units, ...tree })
  const [normal, early, late] = ['normal', 'early', 'late'].map(
    (name) => fakeRoot({ [name]: null }) + `/${name}`,
  )
  const ended = script(generator, [normal!, early!, late!], { BOOTC_SDK_GENERATOR_ROOT: root, ...env })
  expect(ended).toEqual({ code: 0, stdout: '', stderr: '' })
  const wants = (target: string) => {
    const dir = join(normal!, `${target}.wants`)
    return existsSync(dir) ? readdirSync(dir).sort() : []
  }
  const all = () => [...readdirSync(normal!), ...readdirSync(late!)].sort()
  return { normal: normal!, late: late!, wants, all }
}

test.each([
  ['a plain installation', { 'proc/self/mountinfo': mounted('/dev/vda2', 'rw', 'ext4') }, {}],
  ['a container of the image', { 'proc/self/mountinfo': mounted('overlay', 'rw') }, {}],
  ['the initramfs', { ...ostree, 'etc/initrd-release': '' }, {}],
  ['the initramfs, as systemd says', ostree, { SYSTEMD_IN_INITRD: '1' }],
])('does nothing in %s', (_name, tree, env) => {
  expect(generate({ 'etc/shadow': '', ...tree }, env).all()).toEqual([])
})

test.each([
  ['OSTree', ostree],
  ['composefs', composefs()],
  ['composefs, transient root', { 'proc/self/mountinfo': mounted('transient:composefs=0123', 'rw') }],
])('with the store %s: accounts, and the target that tells of changes', (_name, tree) => {
  const { normal, late, wants } = generate({ 'etc/shadow': 'root:*\n', ...tree })
  expect(wants('sysinit.target')).toContain('bootc-sdk-shadow-sync.service')
  expect(readlinkSync(join(normal, 'sysinit.target.wants/bootc-sdk-shadow-sync.service'))).toBe(
    '/usr/lib/systemd/system/bootc-sdk-shadow-sync.service',
  )
  expect(wants('multi-user.target')).toEqual([
    'bootc-sdk-status-updated.path',
    'bootc-status-updated-onboot.target',
  ])
  expect(readFileSync(join(late, 'bootc-status-updated.target'), 'utf8')).toContain('StopWhenUnneeded=yes')
})

test('without /etc/shadow there is nothing to tidy', () => {
  expect(generate(ostree).wants('sysinit.target')).toEqual([])
})

test('pieces that an image left out are not enabled', () => {
  const root = { ...ostree, 'etc/shadow': '' }
  const left = Object.fromEntries(Object.keys(units).map((path) => [path.replace('/bootc-', '/no-'), '']))
  const made = fakeRoot({ ...root, ...left })
  const out = fakeRoot({ n: null, e: null, l: null })
  script(
    generator,
    ['n', 'e', 'l'].map((name) => join(out, name)),
    { BOOTC_SDK_GENERATOR_ROOT: made },
  )
  expect(readdirSync(join(out, 'n'))).toEqual([])
})

const conf = 'usr/lib/composefs/setup-root-conf.toml'
test.each([
  ['nothing configured', {}, 'composefs:0123', false],
  ['a transient root', {}, 'transient:composefs=0123', true],
  ['[etc] transient', { [conf]: '# x\n[etc]\ntransient = true\n' }, 'composefs:0123', true],
  ['[etc] mount', { [conf]: '[etc]\nmount = "volatile" # lost\n' }, 'composefs:0123', true],
  ['[etc] bound', { [conf]: '[etc]\nmount = "bind"\ntransient = false\n' }, 'composefs:0123', false],
  ['another section', { [conf]: '[other]\ntransient = true\n' }, 'composefs:0123', false],
  ['a comment only', { [conf]: '[etc]\n# transient = true\n' }, 'composefs:0123', false],
])('labels of overlays in memory: %s', (_name, tree, source, expected) => {
  const { wants } = generate({ 'proc/self/mountinfo': mounted(source, 'ro'), ...tree })
  expect(wants('sysinit.target').includes('bootc-sdk-overlay-relabel.service')).toBe(expected)
})

test.each([
  ['OSTree', ostree],
  ['composefs', composefs()],
])('clean-up after an installation beside another system, with %s', (_name, tree) => {
  const stamp = { 'sysroot/etc/bootc-destructive-cleanup': '' }
  const unit = 'bootc-sdk-destructive-cleanup.service'
  expect(generate({ ...tree, ...stamp }).wants('multi-user.target')).toContain(unit)
  expect(generate(tree).wants('multi-user.target')).not.toContain(unit)
})

const anaconda = '#\n# /etc/fstab\n# Created by anaconda on Mon\n/dev/x / ext4 defaults 0 0\n'
test.each([
  ['of Anaconda', composefs(), anaconda, true],
  ['edited already', composefs(), `${anaconda}# Updated by bootc-fstab-edit.service\n`, false],
  ['of somebody else', composefs(), '/dev/x / ext4 defaults 0 0\n', false],
  ['of Anaconda, with a root that can be written to', composefs('rw'), anaconda, false],
  ['of Anaconda, on OSTree', ostree, anaconda, true],
])('fstab %s', (_name, tree, fstab, expected) => {
  const { wants } = generate({ ...tree, 'etc/fstab': fstab })
  expect(wants('local-fs-pre.target')).toEqual(expected ? ['bootc-sdk-fstab-edit.service'] : [])
})

const variable = 'sys/firmware/efi/efivars/LoaderDevicePartUUID-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f'
const utf16 = (text: string) => `\u0006\0\0\0${[...`${text}\0`].map((char) => `${char}\0`).join('')}`
const uuid = 'D3B0A1C2-0000-4000-8000-0123456789AB'

test.each([{}, { 'etc/fstab': '#LABEL=ESP /efi vfat defaults 0 2\n' }])(
  'the partition that the loader started from is mounted at /efi (%j)',
  (tree) => {
    const { normal, wants } = generate({ ...ostree, efi: null, [variable]: utf16(uuid), ...tree })
    expect(wants('local-fs.target')).toEqual(['efi.mount'])
    const unit = readFileSync(join(normal, 'efi.mount'), 'utf8')
    expect(unit).toContain(`What=/dev/disk/by-partuuid/${uuid.toLowerCase()}\n`)
    expect(unit).toContain('umask=0077')
  },
)

test('where the loader does not say, the partition is found by its name', () => {
  const tree = { ...composefs(), efi: null, 'sys/firmware/efi': null, 'dev/disk/by-partlabel/EFI-SYSTEM': '' }
  expect(readFileSync(join(generate(tree).normal, 'efi.mount'), 'utf8')).toContain(
    'What=/dev/disk/by-partlabel/EFI-SYSTEM\n',
  )
})

test.each([
  [
    'fstab has it',
    { efi: null, [variable]: utf16(uuid), 'etc/fstab': 'LABEL=ESP /boot/efi vfat defaults 0 2\n' },
  ],
  [
    'the last line of fstab, which does not end, says where it goes',
    { efi: null, [variable]: utf16(uuid), 'etc/fstab': '# none\nLABEL=ESP /efi/ vfat defaults 0 2' },
  ],
  ['there is no /efi', { [variable]: utf16(uuid) }],
  ['no partition is known', { efi: null, 'sys/firmware/efi': null }],
  ['the variable is garbage', { efi: null, [variable]: utf16('x\n[Mount]\nWhat=/dev/sda') }],
  ['the machine started by BIOS', { efi: null, 'dev/disk/by-partlabel/EFI-SYSTEM': '' }],
])('nothing is mounted at /efi when %s', (_name, tree) => {
  const { normal } = generate({ ...ostree, ...tree })
  expect(existsSync(join(normal, 'efi.mount'))).toBe(false)
})

test('takes a small part of a second', () => {
  // The fastest run: others work on this machine too.
  const times = Array.from({ length: 5 }, () => {
    const before = performance.now()
    generate({ ...ostree, 'etc/shadow': '', 'etc/fstab': anaconda })
    return performance.now() - before
  })
  expect(Math.min(...times)).toBeLessThan(500)
})
