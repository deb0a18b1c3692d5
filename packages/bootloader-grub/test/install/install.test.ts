import { describe, expect, test } from 'vitest'
import type { Dir, LoaderInstallOptions, Sysroot, Volume, Warning } from '@bootc-sdk/core'
import { fakeHost, memoryDir, memorySysroot, memoryTree, readText, filePaths } from '@bootc-sdk/core/testing'
import { grubBootloader } from '../../src/index.js'

const uuid = '0d6b1f0e-6f0c-4d1a-9f57-0a6a1c2f3b4d'

async function machine(options: Parameters<typeof memorySysroot>[0] = {}) {
  const whole = memorySysroot({ boot: 'volume', esp: 'volume', ...options })
  const sysroot: Sysroot = { ...whole, boot: { ...whole.boot, uuid } }
  const loader = await grubBootloader().open(sysroot)
  return {
    ...{ sysroot, loader, esp: whole.disks.esp! },
    async install(more: LoaderInstallOptions = {}): Promise<Warning[]> {
      await using lock = await sysroot.lock()
      return loader.install!(lock, more)
    },
  }
}

/** A program that says what it is, as far as it goes. */
function program(sbat: string, note = ''): Buffer {
  const head = Buffer.alloc(0x40 + 24 + 40)
  head.write('MZ')
  head.writeUInt32LE(0x40, 0x3c)
  head.write('PE\0\0', 0x40, 'latin1')
  head.writeUInt16LE(1, 0x46)
  head.write('.sbat', 0x58)
  head.writeUInt32LE(sbat.length, 0x60)
  head.writeUInt32LE(sbat.length, 0x68)
  head.writeUInt32LE(head.length, 0x6c)
  return Buffer.concat([head, Buffer.from(`${sbat}${note}`)])
}
const grub = (version: string, vendor = 'debian') =>
  program(`sbat,1\ngrub,5,FSF,grub,2.12,u\ngrub.${vendor},5,D,grub2,${version},u\n`, `\0/EFI/${vendor}\0`)
const shim = (version: string) => program(`sbat,1\nshim,4,UEFI,shim,1,u\nshim.debian,1,D,shim,${version},u\n`)

const debian = (version: string) =>
  memoryTree({
    'usr/lib/os-release': 'ID=edge\n',
    'usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed': grub(version),
    'usr/lib/shim/shimx64.efi.signed': shim(version),
    'usr/lib/shim/mmx64.efi.signed': 'keys',
    'usr/lib/shim/fbx64.efi.signed': 'fallback',
    'usr/lib/shim/BOOTX64.CSV': 'list',
  })

describe("the image's programs", () => {
  test('of Debian go to the removable path and to the directory that was built in', async () => {
    const { esp, sysroot, install } = await machine()
    expect(await install({ tree: await debian('2.12-9') })).toEqual([])
    expect(await filePaths(esp)).toEqual([
      ...['EFI/BOOT/BOOTX64.EFI', 'EFI/BOOT/fbx64.efi', 'EFI/BOOT/grub.cfg', 'EFI/BOOT/grubx64.efi'],
      ...['EFI/BOOT/mmx64.efi', 'EFI/debian/BOOTX64.CSV', 'EFI/debian/grub.cfg', 'EFI/debian/grubx64.efi'],
      ...['EFI/debian/mmx64.efi', 'EFI/debian/shimx64.efi'],
    ])
    expect(await readText(esp, 'EFI/BOOT/BOOTX64.EFI')).toContain('shim.debian')
    expect(await readText(esp, 'EFI/debian/grub.cfg')).toContain(`--fs-uuid --set=root '${uuid}'`)
    expect((await sysroot.boot.dir.stat('grub/grubenv'))?.sizeBytes).toBe(1024)
  })

  test('that lie beside the kernel are the loader', async () => {
    const { esp, install } = await machine()
    const tree = await memoryTree({ 'usr/lib/modules/6.12/grubx64.efi.signed': grub('2.12') })
    expect(await install({ tree })).toEqual([])
    expect(await filePaths(esp)).toEqual([
      ...['EFI/BOOT/BOOTX64.EFI', 'EFI/BOOT/grub.cfg', 'EFI/debian/grub.cfg', 'EFI/debian/grubx64.efi'],
    ])
  })

  test.each([
    ['older images of bootupd', 'usr/lib/bootupd/updates/EFI', 'usr/lib/bootupd/updates/EFI'],
    ['newer ones', 'usr/lib/efi/grub2/2.12-40/EFI', 'usr/lib/efi/shim/15.8-3/EFI'],
  ])('of %s are put in place without it, which is told', async (_name, grubDir, shimDir) => {
    const { esp, install } = await machine()
    const tree = await memoryTree({
      'usr/lib/bootupd/updates/EFI.json': '{}',
      'usr/lib/efi/grub2/2.12-9/EFI/fedora/grubx64.efi': 'too old',
      [`${grubDir}/fedora/grubx64.efi`]: grub('2.12', 'fedora'),
      [`${shimDir}/BOOT/BOOTX64.EFI`]: shim('15.8'),
      [`${shimDir}/fedora/shimx64.efi`]: shim('15.8'),
    })
    const warnings = await install({ tree })
    expect(warnings.map(({ code }) => code)).toEqual(['boot:bootupd-skipped'])
    expect(await filePaths(esp)).toEqual([
      ...['EFI/BOOT/BOOTX64.EFI', 'EFI/BOOT/grub.cfg'],
      ...['EFI/fedora/grub.cfg', 'EFI/fedora/grubx64.efi', 'EFI/fedora/shimx64.efi'],
    ])
    expect(await readText(esp, 'EFI/fedora/grubx64.efi')).toContain('/EFI/fedora')
  })

  test('may be missing, which is told, and changes nothing', async () => {
    const { esp, sysroot, install } = await machine()
    const warnings = await install({ tree: await memoryTree({ 'usr/lib/os-release': 'ID=edge\n' }) })
    expect(warnings.map(({ code }) => code)).toEqual(['boot:loader-missing'])
    expect(await filePaths(esp)).toEqual([])
    expect(await sysroot.boot.dir.stat('grub')).toBeUndefined()
  })

  test('go to every ESP; one that cannot be written is named', async () => {
    const [second, third] = [memoryDir({ fat: true }), memoryDir({ fat: true })]
    const refusing: Dir = { ...third, mkdir: () => Promise.reject(new Error('read-only file system')) }
    const volume = (dir: Dir): Volume => ({ dir, fsType: 'vfat', bootPrefix: '/' })
    const { install } = await machine({ esps: [second, refusing].map(volume) })
    const warnings = await install({ tree: await debian('2.12') })
    expect(warnings).toMatchObject([{ code: 'boot:esp-skipped' }])
    expect(await filePaths(second)).toContain('EFI/debian/grub.cfg')
  })
})

describe('an update', () => {
  test('replaces older versions of the same component, and nothing else', async () => {
    const { esp, loader, install } = await machine()
    await install({ tree: await debian('2.12-9') })
    await esp.write('EFI/debian/grub.cfg', Buffer.from('# mine\n'))
    await esp.write('EFI/BOOT/BOOTX64.EFI', Buffer.from('somebody else'))
    const next = await debian('2.12-10')
    expect(await loader.programs!(next)).toContainEqual({
      ...{ volume: 'ESP 1', path: 'EFI/debian/grubx64.efi' },
      ...{ version: '2.12-9', shipped: '2.12-10', outdated: true },
    })
    expect(await install({ tree: next, update: true })).toEqual([])
    expect(await readText(esp, 'EFI/debian/grubx64.efi')).toContain('2.12-10')
    expect(await readText(esp, 'EFI/debian/shimx64.efi')).toContain('2.12-10')
    expect(await readText(esp, 'EFI/debian/grub.cfg')).toBe('# mine\n')
    expect(await readText(esp, 'EFI/BOOT/BOOTX64.EFI')).toBe('somebody else')
    await install({ tree: await debian('2.12-9'), update: true })
    expect(await readText(esp, 'EFI/debian/grubx64.efi')).toContain('2.12-10')
  })

  test('is left to bootupd where that installed what is there', async () => {
    const { esp, sysroot, install } = await machine()
    await install({ tree: await debian('2.12-9') })
    await sysroot.boot.dir.write('bootupd-state.json', Buffer.from('{}'))
    const warnings = await install({ tree: await debian('2.12-10'), update: true })
    expect(warnings.map(({ code }) => code)).toEqual(['boot:bootupd-skipped'])
    expect(await readText(esp, 'EFI/debian/grubx64.efi')).toContain('2.12-9')
  })
})

test('what a core is made with may be missing: told before the first write', async () => {
  const host = fakeHost()
  const { esp, install } = await machine({ host })
  const tree = await memoryTree({ 'usr/lib/grub/x86_64-efi/kernel.img': 'kernel' })
  await expect(install({ tree })).rejects.toMatchObject({
    code: 'HOST_TOOL_MISSING',
    details: { debian: 'grub-common' },
  })
  expect(await filePaths(esp)).toEqual([])
})

test('without the UUID of its volume GRUB looks for the files', async () => {
  const whole = memorySysroot({ boot: 'volume', esp: 'volume' })
  await using lock = await whole.lock()
  const warnings = await (await grubBootloader().open(whole)).install!(lock, { tree: await debian('2.12') })
  expect(warnings.map(({ code }) => code)).toEqual(['boot:volume-unknown'])
  expect(await readText(whole.disks.esp!, 'EFI/debian/grub.cfg')).toContain('search --no-floppy --file')
})

test('aborting is the reason of the caller', async () => {
  const { install } = await machine()
  const reason = new Error('stop')
  const aborted = install({ tree: await debian('2.12'), signal: AbortSignal.abort(reason) })
  await expect(aborted).rejects.toBe(reason)
})
