import {
  BootFailure,
  memoryDir,
  memorySysroot,
  memoryTree,
  simulateBoot,
  simulateReboot,
} from '@bootc-sdk/core/testing'
import type { MemoryDir } from '@bootc-sdk/core/testing'
import { beforeEach, describe, expect, test } from 'vitest'

const checksum = 'a'.repeat(64)
const deployment = `ostree/deploy/os/deploy/${checksum}.0`
const kernels = `boot/ostree/os-${checksum}`

const write = (root: MemoryDir, path: string, text: string) => memoryTree({ [path]: text }, root)

/** What libostree would have laid out, written by hand. */
async function ostreeDisk(): Promise<MemoryDir> {
  const root = memoryDir()
  await write(root, `${deployment}/usr/lib/os-release`, 'ID=os\nVERSION_ID="7"\n')
  await write(root, `${deployment}/usr/lib/modules/6.1/vmlinuz`, 'kernel')
  await write(root, `${deployment}/usr/lib/modules/6.1/initramfs.img`, 'initramfs')
  await write(root, `${deployment}/etc/hostname`, 'host\n')
  await root.symlink('../usr/lib/os-release', `${deployment}/etc/os-release`)
  await write(root, `${deployment}.origin`, '[origin]\n')
  await write(root, 'ostree/deploy/os/var/lib/x', 'state')
  await write(root, `ostree/boot.1.0/os/${checksum}/keep`, '')
  await root.symlink(`../../../deploy/os/deploy/${checksum}.0`, `ostree/boot.1.0/os/${checksum}/0`)
  await root.symlink('boot.1.0', 'ostree/boot.1')
  await write(root, `${kernels}/vmlinuz-6.1`, 'kernel')
  await write(root, `${kernels}/initramfs-6.1.img`, 'initramfs')
  for (const [n, serial] of [
    [1, 1],
    [2, 0],
  ]) {
    await write(
      root,
      `boot/loader.1/entries/ostree-${n}.conf`,
      `title OS ${n}\nversion ${n}\nlinux /boot/ostree/os-${checksum}/vmlinuz-6.1\n` +
        `initrd /boot/ostree/os-${checksum}/initramfs-6.1.img\n` +
        `options rw ostree=/ostree/boot.1/os/${checksum}/${serial}\n`,
    )
  }
  await root.symlink('loader.1', 'boot/loader')
  return root
}

describe('simulateBoot', () => {
  let root: MemoryDir
  beforeEach(async () => {
    root = await ostreeDisk()
  })
  const boot = () => simulateBoot(memorySysroot({ root }))
  const fails = (message: RegExp) =>
    expect(boot()).rejects.toThrow(
      expect.objectContaining({ name: 'BootFailure', message: expect.stringMatching(message) as string }),
    )

  test('the newest entry boots, and the running system sees its files', async () => {
    const found = await boot()
    expect(found).toMatchObject({ version: '7', deployment, loader: 'blscfg' })
    expect(found.menu.map(({ title }) => title)).toEqual(['OS 2', 'OS 1'])
    expect(found.cmdline).toMatch(/^BOOT_IMAGE=\S+ rw ostree=/)
    expect(await found.read('etc/hostname')).toBe('host\n')
    expect(await found.read('var/lib/x')).toBe('state')
    expect(await found.read('etc/missing')).toBeUndefined()
  })

  test('the running system has that command line and an empty /run', async () => {
    const { sysroot, boot: found } = await simulateReboot({ root })
    expect(await sysroot.host.cmdline()).toBe(found.cmdline)
    expect(sysroot.live).toBe(true)
    expect((await sysroot.run.stat('ostree-booted'))?.type).toBe('file')
  })

  test('an entry that leads nowhere fails', async () => {
    await expect(simulateBoot(memorySysroot({ root }), { entry: 1 })).rejects.toBeInstanceOf(BootFailure)
  })

  test.each([
    ['boot/loader', /no menu/],
    ['boot/loader.1/entries', /no menu/],
    ['boot/loader.1/entries/ostree-2.conf', /is not a symbolic link/],
    [`${kernels}/vmlinuz-6.1`, /vmlinuz-6.1 cannot be loaded/],
    [`${kernels}/initramfs-6.1.img`, /initramfs-6.1.img cannot be loaded/],
    ['ostree/boot.1', /is not a symbolic link/],
    [`ostree/boot.1.0/os/${checksum}/0`, /is not a symbolic link/],
    [deployment, /leads to no deployment/],
    [`${deployment}.origin`, /no origin/],
    [`${deployment}/etc`, /etc is not a directory/],
    [`${deployment}/usr/lib/os-release`, /VERSION_ID/],
    [`${deployment}/usr/lib/modules`, /modules is missing/],
    ['ostree/deploy/os/var', /var is not a directory/],
  ])('without %s nothing boots', async (path, message) => {
    await root.remove(path)
    await fails(message)
  })

  test('an empty kernel, and one of another deployment, do not boot', async () => {
    await root.write(`${kernels}/vmlinuz-6.1`, Buffer.from('other kernel'))
    await fails(/not those of/)
    await root.write(`${kernels}/vmlinuz-6.1`, Buffer.from(''))
    await fails(/cannot be loaded/)
  })
})
