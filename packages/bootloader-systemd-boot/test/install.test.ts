import { isBootcError, type Dir, type LoaderInstallOptions, type Volume, type Warning } from '@bootc-sdk/core'
import { fakeHost, memoryDir, memorySysroot, memoryTree, readAll, readText } from '@bootc-sdk/core/testing'
import { grubBootloader } from '@bootc-sdk/bootloader-grub'
import { expect, test } from 'vitest'
import { systemdBoot } from '../src/index.js'
import { bench, bls, idA, loaderProgram, type Bench } from './specs.js'

const shipped = 'usr/lib/systemd/boot/efi'
const versioned = (version: string) =>
  memoryTree({
    [`${shipped}/systemd-bootx64.efi`]: loaderProgram(version),
    [`${shipped}/linuxx64.efi.stub`]: 'stub',
  })

async function install({ loader, sysroot }: Bench, options: LoaderInstallOptions): Promise<Warning[]> {
  await using lock = await sysroot.lock()
  return loader.install!(lock, options)
}

test('an installation puts what bootctl puts, and leaves what is there', async () => {
  const machine = await bench()
  const { esp } = machine
  await esp.write('loader/loader.conf', Buffer.from('timeout 0\n'))
  const tree = await memoryTree({
    [`${shipped}/systemd-bootx64.efi`]: loaderProgram('257', 'plain'),
    [`${shipped}/systemd-bootx64.efi.signed`]: loaderProgram('257', 'signed'),
    [`${shipped}/systemd-bootia32.efi`]: loaderProgram('257', '32 bits'),
    'usr/lib/bootc/install/secureboot-keys/auto/db.auth': 'db',
    'usr/lib/bootc/install/secureboot-keys/auto/readme': 'no key',
  })
  expect(await install(machine, { tree })).toEqual([])
  for (const path of ['EFI/systemd/systemd-bootx64.efi', 'EFI/BOOT/BOOTX64.EFI']) {
    expect(loaderProgram('257', 'signed').equals(await readAll(esp, path))).toBe(true)
  }
  expect(await readText(esp, 'EFI/BOOT/BOOTIA32.EFI')).toContain('32 bits')
  expect(await readText(esp, 'loader/entries.srel')).toBe('type1\n')
  expect(await readText(esp, 'loader/loader.conf')).toBe('timeout 0\n')
  expect(await readText(esp, 'loader/keys/auto/db.auth')).toBe('db')
  expect(await esp.stat('loader/keys/auto/readme')).toBeUndefined()
  const seed = Buffer.from(await readAll(esp, 'loader/random-seed'))
  expect(seed).toHaveLength(32)
  await install(machine, { tree })
  expect(seed.equals(await readAll(esp, 'loader/random-seed'))).toBe(true)
})

test('a fresh ESP gets a timeout, and no seed where many machines start from it', async () => {
  const machine = await bench()
  await install(machine, { tree: await versioned('257'), randomSeed: false })
  expect(await readText(machine.esp, 'loader/loader.conf')).toBe('timeout 5\n')
  expect(await machine.esp.stat('loader/random-seed')).toBeUndefined()
})

test('an image without the loader is a warning', async () => {
  const warnings = await install(await bench(), { tree: await memoryTree({}) })
  expect(warnings.map(({ code }) => code)).toEqual(['boot:loader-missing'])
})

test('an update replaces older versions, and neither newer ones nor other loaders', async () => {
  const machine = await bench()
  const { esp } = machine
  await install(machine, { tree: await versioned('256.9-1') })
  await esp.write('EFI/BOOT/BOOTX64.EFI', Buffer.from('somebody else'))
  const version = async () =>
    /systemd-boot (\S+)/.exec((await readText(esp, 'EFI/systemd/systemd-bootx64.efi'))!)?.[1]
  await install(machine, { tree: await versioned('257.13-1~deb13u1'), update: true })
  expect(await version()).toBe('257.13-1~deb13u1')
  await install(machine, { tree: await versioned('257~rc1'), update: true })
  expect(await version()).toBe('257.13-1~deb13u1')
  expect(await readText(esp, 'EFI/BOOT/BOOTX64.EFI')).toBe('somebody else')
})

test('an update puts nothing where nothing was', async () => {
  const machine = await bench()
  await install(machine, { tree: await versioned('257'), update: true })
  expect(await machine.esp.stat('EFI')).toBeUndefined()
})

test('every ESP gets the loader; one that cannot be written is named', async () => {
  const [second, third] = [memoryDir({ fat: true }), memoryDir({ fat: true })]
  const refusing: Dir = { ...third, mkdir: () => Promise.reject(new Error('read-only file system')) }
  const volume = (dir: Dir): Volume => ({ dir, fsType: 'vfat', bootPrefix: '/' })
  const sysroot = memorySysroot({ esp: 'volume', esps: [second, refusing].map(volume) })
  const machine = await bench({ sysroot })
  const warnings = await install(machine, { tree: await versioned('257') })
  expect(warnings).toMatchObject([{ code: 'boot:esp-skipped', message: expect.stringContaining('ESP 3') }])
  expect(await second.stat('EFI/BOOT/BOOTX64.EFI')).toBeDefined()
  expect(loaderProgram('257').equals(await readAll(second, 'EFI/systemd/systemd-bootx64.efi'))).toBe(true)
})

test('an update goes on to the second ESP where the first is write-protected, and fails where all are', async () => {
  const second = memoryDir({ fat: true })
  const volume = (dir: Dir): Volume => ({ dir, fsType: 'vfat', bootPrefix: '/' })
  const sysroot = memorySysroot({ esp: 'volume', esps: [volume(second)] })
  await install(await bench({ sysroot }), { tree: await versioned('257') })
  const refuse = () => Promise.reject(new Error('read-only file system'))
  const locked = (esp: Volume): Volume => ({ ...esp, dir: { ...esp.dir, write: refuse } })
  const [first, other] = sysroot.esps as [Volume, Volume]
  const update = async (version: string, esps: Volume[]) => {
    const loader = await systemdBoot().open({ ...sysroot, esps })
    await using lock = await sysroot.lock()
    return loader.install!(lock, { tree: await versioned(version), update: true })
  }
  expect(await update('258', [locked(first), other])).toMatchObject([
    { code: 'boot:esp-skipped', message: expect.stringContaining('ESP 1') },
  ])
  expect(loaderProgram('258').equals(await readAll(second, 'EFI/systemd/systemd-bootx64.efi'))).toBe(true)
  await expect(update('259', [locked(first), locked(other)])).rejects.toThrow('read-only')
})

test('aborting is the reason of the caller', async () => {
  const reason = new Error('stop')
  const aborted = install(await bench(), { tree: await versioned('257'), signal: AbortSignal.abort(reason) })
  await expect(aborted).rejects.toBe(reason)
})

test('registering with firmware that is not there is a warning', async () => {
  const machine = await bench()
  const warnings = await install(machine, { tree: await versioned('257'), firmwareVariables: true })
  expect(warnings).toMatchObject([
    { code: 'boot:firmware-variables', message: expect.stringContaining('no EFI variables') },
  ])
})

test('registering takes efibootmgr, which may be missing', async () => {
  const host = fakeHost({ supports: { efivars: true } })
  const machine = await bench({ sysroot: memorySysroot({ host, boot: 'esp' }) })
  const warnings = await install(machine, { tree: await versioned('257'), firmwareVariables: true })
  expect(warnings[0]?.message).toContain('efibootmgr is missing')
})

test('a machine is told apart from one with GRUB, whichever came first', async () => {
  const providers = [systemdBoot(), grubBootloader()]
  const namesFor = async (sysroot: ReturnType<typeof memorySysroot>) => {
    const found: string[] = []
    for (const each of providers) if (await each.detect(sysroot)) found.push(each.name)
    return found[0]
  }
  const { sysroot, commit } = await bench({ sysroot: memorySysroot({ esp: 'volume' }) })
  await commit([await bls(idA, 0)])
  expect(await namesFor(sysroot)).toBe('systemd-boot')

  // The loader on the ESP is a left-over where entries are on /boot.
  const both = memorySysroot({ esp: 'volume' })
  await install(await bench({ sysroot: both }), { tree: await versioned('257') })
  expect(await namesFor(both)).toBe('systemd-boot')
  await using lock = await both.lock()
  const grub = await grubBootloader().init(both, lock, { entrySet: 'exchange' })
  const plan = await grub.plan([await bls(idA, 0)], 0)
  await grub.prepare(plan, lock)
  await grub.commit(plan, lock)
  expect(await namesFor(both)).toBe('grub')
  expect(await namesFor(memorySysroot())).toBeUndefined()
})

test('entries go to the extended boot partition, and stay on the ESP where they are there already', async () => {
  const disks = { boot: memoryDir({ fat: true }), esp: memoryDir({ fat: true }) }
  const machine = await bench({ sysroot: memorySysroot(disks) })
  await machine.commit([await bls(idA, 0)])
  expect(await disks.boot.stat('loader/entries/bootc_edge-2.4.1-1.conf')).toBeDefined()
  expect(await disks.esp.stat('loader/entries/bootc_edge-2.4.1-1.conf')).toBeUndefined()

  const onEsp = await bench({ sysroot: memorySysroot({ esp: 'volume' }) })
  await onEsp.commit([await bls(idA, 0)])
  const both = memorySysroot({ boot: 'esp', esp: onEsp.sysroot.disks.esp! })
  const { entries } = await (await systemdBoot().open(both)).read()
  expect(entries).toHaveLength(1)
  const refused = await systemdBoot()
    .open(memorySysroot({ boot: 'volume' }))
    .catch((error: unknown) => error)
  expect(isBootcError(refused, 'BOOT_UNSUPPORTED_VOLUME')).toBe(true)
})

test('programs are told with what the image brings', async () => {
  const machine = await bench()
  await install(machine, { tree: await versioned('257') })
  const programs = await machine.loader.programs!(await versioned('258'))
  expect(programs.map(({ path, version, shipped, outdated }) => [path, version, shipped, outdated])).toEqual([
    ['EFI/systemd/systemd-bootx64.efi', '257', '258', true],
    ['EFI/BOOT/BOOTX64.EFI', '257', '258', true],
  ])
  expect((await machine.loader.programs!(await versioned('256'))).map(({ outdated }) => outdated)).toEqual([
    false,
    false,
  ])
  expect((await machine.loader.programs!(await memoryTree({})))[0]).not.toHaveProperty('shipped')
})
