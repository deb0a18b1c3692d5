import { describe, expect, test } from 'vitest'
import type { BootSpec } from '@bootc-sdk/core'
import { bootableImage, dir, file, type BuiltImage } from '@bootc-sdk/core/testing'
import { makePe } from '../boot/make-pe.js'
import { bench, followed, listed, type Bench } from './bench.js'

const version = (n: number) => bootableImage({ version: n })

/** As an image of another system, by its os-release. */
function system(osRelease: string): BuiltImage {
  return bootableImage({
    version: 1,
    extraLayers: [{ entries: [dir('usr'), dir('usr/lib'), file('usr/lib/os-release', osRelease)] }],
  })
}

async function specsOf(
  { backend }: Bench,
  ids: readonly string[],
  kargs: readonly string[] = ['rw'],
): Promise<BootSpec[]> {
  return backend.deployments.bootSpecs(
    ids.map((id) => ({ id, kargs })),
    0,
  )
}

const sortKeys = (specs: readonly BootSpec[]) => specs.map(({ extra }) => extra?.[0])

describe('boot specs', () => {
  test('of a single deployment name its entry and kernel as bootc does', async () => {
    const made = await bench()
    const { id, bootDigest } = await made.deploy()
    const [spec] = await specsOf(made, [id])
    expect(spec).toMatchObject({
      id,
      title: 'Test OS 1',
      version: '1',
      osId: 'testos',
      entrySet: 'exchange',
      fileName: 'bootc_testos-1-1.conf',
      extra: [['sort-key', 'bootc-testos-0']],
      artifact: {
        kind: 'linux',
        bootDigest: `sha256:${bootDigest}`,
        dir: `bootc_composefs-${id}`,
        kernel: { name: 'vmlinuz' },
        initrds: [{ name: 'initrd' }],
      },
    })
  })

  test('of several count down in names and up in sort keys, under the system of the first', async () => {
    const made = await bench()
    const old = await made.deploy(system('ID=old-os\nNAME=Old\nVERSION=7 "x"\n'))
    const fresh = await made.deploy(version(2))
    const specs = await specsOf(made, [fresh.id, old.id])
    expect(specs.map(({ fileName }) => fileName)).toEqual([
      'bootc_testos-2-1.conf',
      'bootc_testos-7__x_-0.conf',
    ])
    expect(sortKeys(specs)).toEqual([
      ['sort-key', 'bootc-testos-0'],
      ['sort-key', 'bootc-testos-1'],
    ])
    const turned = await specsOf(made, [old.id, fresh.id])
    expect(turned[0]).toMatchObject({
      fileName: 'bootc_old_os-7__x_-1.conf',
      extra: [['sort-key', 'bootc-old-os-0']],
    })
    expect(turned[1]?.fileName).toBe('bootc_old_os-2-0.conf')
  })

  test('show the id of an image that does not say what it is', async () => {
    const made = await bench()
    const { id } = await made.deploy(system(''))
    expect((await specsOf(made, [id]))[0]).toMatchObject({ title: id, version: id, osId: 'bootc' })
  })

  test('share a kernel: that of the oldest, or the one that is on the boot volume', async () => {
    const made = await bench()
    const [one, two, three] = [
      await made.deploy(version(1)),
      await made.deploy(version(2)),
      await made.deploy(version(3)),
    ]
    const dirs = async (...ids: string[]) => (await specsOf(made, ids)).map(({ artifact }) => artifact.dir)
    const of = (id: string) => `bootc_composefs-${id}`
    expect(await dirs(two.id, one.id)).toEqual([of(one.id), of(one.id)])
    expect(await dirs(three.id, one.id)).toEqual([of(three.id), of(one.id)])
    // Written by bootc: the entry of the second names the directory of the first, which is gone.
    const { dir: boot } = made.sysroot.boot
    await boot.mkdir('loader')
    await boot.mkdir('loader/entries')
    const text = `title X\nlinux /boot/${of('d'.repeat(128))}/vmlinuz\noptions composefs=${two.id}\n`
    await boot.write('loader/entries/bootc_x-2-0.conf', Buffer.from(text))
    expect(await dirs(two.id)).toEqual([of('d'.repeat(128))])
    expect(await dirs(one.id, two.id)).toEqual([of('d'.repeat(128)), of('d'.repeat(128))])
  })
})

describe('a sealed image', () => {
  const kernel = { '.linux': 'kernel', '.initrd': 'initramfs' }
  const withUki = (cmdline: string, addons: Readonly<Record<string, string>> = {}) =>
    bootableImage({
      version: 1,
      extraEntries: [
        ...['boot/EFI', 'boot/EFI/Linux', 'boot/EFI/Linux/os.efi.extra.d'].map((name) => dir(name)),
        file('boot/EFI/Linux/os.efi', makePe({ '.cmdline': cmdline, ...kernel })),
        ...Object.entries(addons).map(([path, content]) => file(path, content)),
      ],
    })
  /** What lies in /boot does not change the digest. */
  const sealedId = async () => (await (await bench()).deploy(bootableImage({ version: 1 }))).id

  test('boots by its unified kernel image, under the digest it is sealed for', async () => {
    const made = await bench()
    const id = await sealedId()
    const deployment = await made.deploy(withUki(`console=ttyS0 rw composefs=?${id}`))
    expect(deployment).toMatchObject({ id, backend: { composefs: { bootType: 'Uki' } } })
    const [spec] = await specsOf(made, [id], ['root=LABEL=root', 'rw', 'console=ttyS0', `composefs=?${id}`])
    expect(spec).toMatchObject({
      title: 'Test OS 1 1',
      rootKargs: [],
      kargs: [],
      artifact: {
        kind: 'uki',
        dir: 'EFI/Linux/bootc',
        image: { name: `bootc_composefs-${id}.efi` },
        cmdline: `console=ttyS0 rw composefs=?${id}`,
      },
    })
  })

  test('takes no further kernel arguments', async () => {
    const made = await bench()
    const id = await sealedId()
    await made.deploy(withUki(`rw composefs=?${id}`))
    await expect(specsOf(made, [id], ['rw', 'debug'])).rejects.toMatchObject({
      code: 'BOOT_UKI_KARGS',
      details: { kargs: ['debug'] },
    })
  })

  test('is refused when it is sealed for another root', async () => {
    const made = await bench()
    const [expected, actual] = ['e'.repeat(128), await sealedId()]
    await expect(made.deploy(withUki(`rw composefs=${expected}`))).rejects.toMatchObject({
      code: 'STORE_COMPOSEFS_SEAL_MISMATCH',
      details: { expected, actual },
    })
  })

  test('that demands fs-verity is refused where there is none, unless told that it will be', async () => {
    const id = await sealedId()
    const strict = withUki(`rw composefs=${id}`)
    await expect((await bench()).deploy(strict)).rejects.toMatchObject({ code: 'STORE_COMPOSEFS_VERITY' })
    expect((await (await bench({ allowMissingVerity: true })).deploy(strict)).id).toBe(id)
  })

  test('boots with the addons that were chosen, and keeps them', async () => {
    const id = await sealedId()
    const image = withUki(`rw composefs=?${id}`, {
      'boot/EFI/Linux/os.efi.extra.d/debug.addon.efi': 'with debug',
      'boot/EFI/Linux/serial.addon.efi': 'beside it',
    })
    const made = await bench()
    const init = { origin: followed, ukiAddons: ['serial', 'debug'] }
    const deployment = await made.backend.deployments.create(await made.pull(image), init, made.lock)
    expect(deployment).toMatchObject({ id, ukiAddons: ['serial', 'debug'] })
    await made.backend.deployments.setPinned(id, true, made.lock)
    await made.backend.deployments.setPinned(id, false, made.lock)
    const [spec] = await specsOf(made, [id], ['rw'])
    expect(spec?.artifact).toMatchObject({
      addons: [
        { name: 'serial.addon.efi', sizeBytes: 9 },
        { name: 'debug.addon.efi', sizeBytes: 10 },
      ],
    })
  })

  test('is refused with an addon that it does not have', async () => {
    const id = await sealedId()
    const made = await bench()
    const image = await made.pull(withUki(`composefs=?${id}`, { 'boot/EFI/Linux/a.addon.efi': 'a' }))
    const init = { origin: followed, ukiAddons: ['b'] }
    await expect(made.backend.deployments.create(image, init, made.lock)).rejects.toMatchObject({
      code: 'BOOT_UKI_ADDON',
      details: { addons: ['b'], available: ['a'] },
    })
    expect(await listed(made.backend)).toEqual([])
  })

  test('is refused when its kernel image does not say what to boot', async () => {
    await expect((await bench()).deploy(withUki('rw'))).rejects.toMatchObject({
      code: 'STORE_COMPOSEFS_NOT_BOOTABLE',
    })
  })
})
