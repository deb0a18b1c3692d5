import { expect, test } from 'vitest'
import { isBootcError, openBootc, type SignedImageReference, type Sysroot } from '@bootc-sdk/core'
import {
  bootableImage,
  dir,
  file,
  memorySysroot,
  memoryTransport,
  readText,
  simulateReboot,
  type BuiltImage,
} from '@bootc-sdk/core/testing'
import { composefsBackend } from '@bootc-sdk/composefs-backend'
import { composefsRoots } from '@bootc-sdk/composefs-backend/testing'
import { grubBootloader } from '../src/index.js'
import { tinyUki } from './qemu/tiny-uki.js'

const source: SignedImageReference = {
  image: { transport: 'registry', name: 'registry.example/os:stable' },
  signature: { kind: 'insecure' },
}

/** With what Node finds out about the ESP. */
function known<S extends Sysroot>(sysroot: S): S {
  return { ...sysroot, esps: sysroot.esps.map((esp) => ({ ...esp, uuid: '1A2B-3C4D' })) }
}

const transport = memoryTransport({})
const open = (sysroot: Sysroot) =>
  openBootc({
    sysroot: known(sysroot),
    transports: [transport],
    stores: [composefsBackend()],
    bootloaders: [grubBootloader()],
  })

function ukiImage(version: number, id: string): BuiltImage {
  const uki = tinyUki(`root=LABEL=root rw console=ttyS0 quiet app.level=${version} composefs=?${id}`)
  return bootableImage({
    version,
    extraLayers: [
      {
        entries: [
          ...['boot', 'boot/EFI', 'boot/EFI/Linux'].map((path) => dir(path)),
          file('boot/EFI/Linux/os.efi', uki),
        ],
      },
    ],
  })
}

/** Sealed for what it holds, which is told by the refusal of another seal. */
async function sealedImage(version: number): Promise<BuiltImage> {
  transport.images.set(source.image.name, ukiImage(version, '0'.repeat(128)))
  const scratch = await open(memorySysroot({ boot: 'volume', esp: 'volume' }))
  const id = await scratch.install({ source, store: 'composefs' }).then(
    () => '',
    (error: unknown) => {
      if (!isBootcError(error, 'STORE_COMPOSEFS_SEAL_MISMATCH')) throw error
      return String((error.details as { actual?: unknown }).actual)
    },
  )
  return ukiImage(version, id)
}

test('a machine goes from kernels with an initramfs to unified images, and back', async () => {
  const second = await sealedImage(2)
  transport.images.set(source.image.name, bootableImage({ version: 1 }))
  const fresh = memorySysroot({ boot: 'volume', esp: 'volume' })
  await (
    await open(fresh)
  ).install({
    ...{ source, store: 'composefs', bootloader: 'grub', loader: false },
    kargs: { root: ['root=LABEL=root', 'rw'] },
  })
  const { sysroot } = await simulateReboot(fresh.disks, { roots: [composefsRoots] })
  const bootc = await open(sysroot)
  transport.images.set(source.image.name, second)
  expect(await bootc.upgrade()).toMatchObject({ outcome: 'staged' })
  expect(await bootc.finalize()).toMatchObject({ outcome: 'finalized' })

  const menu = async () =>
    [
      ...((await readText(sysroot.boot.dir, 'grub2/user.cfg')) ?? '').matchAll(
        /^menuentry ["'](Test OS \d)/gm,
      ),
    ].map(([, title]) => title)
  const order = async () => (await bootc.status()).order.map(({ deployment }) => deployment.image?.version)
  expect(await menu()).toEqual(['Test OS 2', 'Test OS 1'])
  expect(await order()).toEqual(['2', '1'])

  expect((await bootc.status()).booted?.deployment.image?.version).toBe('1')
  await bootc.rollback()
  expect(await menu()).toEqual(['Test OS 1', 'Test OS 2'])
  expect(await order()).toEqual(['1', '2'])

  transport.images.set(source.image.name, bootableImage({ version: 3 }))
  await bootc.upgrade()
  await bootc.finalize()
  // The last unified image has gone with that.
  expect(await order()).toEqual(['3', '1'])
  expect(await menu()).toEqual([])
  const { boot } = await simulateReboot(fresh.disks, { roots: [composefsRoots] })
  expect(boot.version).toBe('3')
}, 240_000)
