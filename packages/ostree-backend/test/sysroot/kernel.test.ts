import { memoryTree } from '@bootc-sdk/core/testing'
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { bootTitle } from '../../src/sysroot/boot-specs.js'
import { bootChecksum, findKernel } from '../../src/sysroot/kernel.js'
import { lockOstree } from '../../src/sysroot/lock.js'
import { parseOsRelease } from '@bootc-sdk/core/store-kit'
import { readOsRelease } from '../../src/sysroot/os-release.js'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const modules = 'usr/lib/modules/1.2.3'

describe('finding the kernel', () => {
  test('beside its modules; the checksum is the one the real tool has', async () => {
    const root = await memoryTree({
      [`${modules}/vmlinuz`]: 'FAKE-KERNEL-A\n',
      [`${modules}/initramfs.img`]: 'FAKE-INITRAMFS-1.2.3\n',
      [`${modules}/.vmlinuz.hmac`]: 'not hashed',
      'usr/lib/modules/0.0.1/modules.dep': '',
    })
    const kernel = await findKernel(root)
    expect(kernel).toMatchObject({
      version: '1.2.3',
      kernel: { name: 'vmlinuz-1.2.3' },
      initramfs: { name: 'initramfs-1.2.3.img' },
      hmac: { name: '.vmlinuz-1.2.3.hmac' },
    })
    expect(await bootChecksum(root, kernel)).toBe(
      '3a346d63b0520828cf45820de536fe44642cdec9f6de707ddfdfb45aa5091db2',
    )
  })

  test('device trees count in byte order, files and directories of a level together', async () => {
    const names = ['a/b/c.dtb', 'a/z.dtb', 'a.dtb', 'aa.dtb', 'b.dtb']
    const root = await memoryTree({
      [`${modules}/vmlinuz`]: 'k',
      ...Object.fromEntries([...names].reverse().map((name) => [`${modules}/dtb/${name}`, `<${name}>`])),
    })
    const kernel = await findKernel(root)
    expect(kernel.devicetrees.map(({ name }) => name)).toEqual(names.map((name) => `dtb/${name}`))
    expect(await bootChecksum(root, kernel)).toBe(sha256(`k${names.map((name) => `<${name}>`).join('')}`))
  })

  test('the older layout wins only when it alone has an initramfs', async () => {
    const csum = 'c'.repeat(64)
    const legacy = {
      [`usr/lib/ostree-boot/vmlinuz-9-${csum}`]: 'k',
      [`usr/lib/ostree-boot/initramfs-9.img-${csum}`]: 'i',
    }
    const root = await memoryTree({ ...legacy, [`${modules}/vmlinuz`]: 'k' })
    const kernel = await findKernel(root)
    expect(kernel).toMatchObject({ kernel: { name: 'vmlinuz-9' }, initramfs: { name: 'initramfs-9.img' } })
    expect(await bootChecksum(root, kernel)).toBe(csum)
    await root.write(`${modules}/initramfs.img`, Buffer.from('i'))
    expect((await findKernel(root)).version).toBe('1.2.3')
  })

  test('none is an error', async () => {
    await expect(findKernel(await memoryTree({ 'usr/lib/modules/1/modules.dep': '' }))).rejects.toMatchObject(
      {
        code: 'DEPLOY_NO_KERNEL',
      },
    )
  })
})

describe('names in boot menus', () => {
  test('os-release is read like a shell would', () => {
    const values = parseOsRelease(`# c\nID=debian\nPRETTY_NAME="A \\"b\\" \\$c"\nX='it is'\nbroken\n`)
    expect(Object.fromEntries(values)).toEqual({ ID: 'debian', PRETTY_NAME: 'A "b" $c', X: 'it is' })
  })
  test('a system without a name cannot be listed', async () => {
    await expect(
      readOsRelease(await memoryTree({ 'usr/lib/os-release': 'VERSION=1\n' })),
    ).rejects.toMatchObject({
      code: 'DEPLOY_NO_OS_RELEASE',
    })
  })
  test('a version that the name has already is not repeated', () => {
    expect(bootTitle('OS 1.0', '1.0', undefined, 0)).toBe('OS 1.0 (ostree:0)')
    expect(bootTitle('OS', '1.0', 'x', 2)).toBe('OS 1.0 (ostree:x:2)')
  })
})

describe('the lock of the real tool', () => {
  test('excludes a second holder and leaves no file', async () => {
    const root = await memoryTree({ 'ostree/x': '' })
    const held = await lockOstree(root)
    await expect(lockOstree(root, { timeoutMs: 0 })).rejects.toMatchObject({ code: 'TREE_LOCKED' })
    await held[Symbol.asyncDispose]()
    expect(await root.stat('ostree/lock')).toBeUndefined()
  })

  test('is worth something only on the file that has the name', async () => {
    const root = await memoryTree({ 'ostree/x': '' })
    const first = await root.lock('ostree/lock', { exclusive: true })
    const waiting = lockOstree(root)
    // As its holder does: unlink, then let go. Whoever waits gets a lock on a file without a name.
    await root.remove('ostree/lock')
    await first[Symbol.asyncDispose]()
    await using held = await waiting
    void held
    await expect(root.lock('ostree/lock', { exclusive: true, timeoutMs: 0 })).rejects.toMatchObject({
      code: 'TREE_LOCKED',
    })
  })
})
