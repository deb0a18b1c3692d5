import { composefsBackend } from '@bootc-sdk/composefs-backend'
import { composefsRoots } from '@bootc-sdk/composefs-backend/testing'
import { grubBootloader } from '@bootc-sdk/bootloader-grub'
import { boundImageStorage, containersImageStore } from '@bootc-sdk/containers-storage'
import { openBootc, type Provider, type StoreBackend } from '@bootc-sdk/core'
import {
  bootableImage,
  buildImage,
  dir,
  file,
  memoryDir,
  memorySysroot,
  memoryTransport,
  readText,
  simulateReboot,
  symlink,
  whiteout,
  type BuiltImage,
  type MemorySysroot,
  type MemoryTransport,
} from '@bootc-sdk/core/testing'
import { followPath } from '@bootc-sdk/core/store-kit'
import { ostreeBackend } from '@bootc-sdk/ostree-backend'
import { describe, expect, test } from 'vitest'

const units = 'etc/containers/systemd'
const source = {
  image: { transport: 'registry', name: 'registry.test/os:stable' },
  signature: { kind: 'insecure' },
} as const

/** A system with a container of its own; units may lie in /etc, which stores keep elsewhere. */
function boundTo(version: number, image: string): BuiltImage {
  return bootableImage({
    version,
    extraLayers: [
      {
        entries: [
          ...['etc', 'etc/containers', units, 'usr/lib/bootc/bound-images.d'].map((path) => dir(path)),
          file(`${units}/app.container`, `[Container]\nImage=${image}\n`),
          symlink('usr/lib/bootc/bound-images.d/app.container', `/${units}/app.container`),
          symlink('usr/lib/bootc/storage', '/sysroot/ostree/bootc/storage'),
        ],
      },
    ],
  })
}

const app = (text: string) =>
  buildImage({
    layers: [
      { entries: [dir('usr'), file('usr/app', text), file('usr/old', 'old')] },
      { entries: [dir('usr'), whiteout('usr/old')] },
    ],
  })

const stores: Readonly<Record<string, () => Provider<StoreBackend>>> = {
  ostree: () => ostreeBackend(),
  composefs: () => composefsBackend({ allowMissingVerity: true }),
}

/** A machine in memory that keeps bound images in storage of containers. */
function machine(backend: () => Provider<StoreBackend>, transport: MemoryTransport) {
  const self = {
    sysroot: memorySysroot({ root: memoryDir({ directories: ['boot'] }) }) as MemorySysroot,
    open: () =>
      openBootc({
        sysroot: self.sysroot,
        transports: [transport],
        stores: [backend()],
        bootloaders: [grubBootloader()],
        boundImages: boundImageStorage(),
      }),
    async reboot() {
      if (self.sysroot.live) await (await self.open()).finalize()
      self.sysroot = (await simulateReboot(self.sysroot.disks, { roots: [composefsRoots] })).sysroot
    },
  }
  return self
}

describe.each(Object.entries(stores))('bound images with %s', (name, backend) => {
  test('they come with an installation and an upgrade, serve both deployments, and go with the last', async () => {
    const transport = memoryTransport({
      [source.image.name]: boundTo(1, 'registry.test/app:1'),
      'registry.test/app:1': app('one'),
      'registry.test/app:2': app('two'),
    })
    const m = machine(backend, transport)
    const installed = await (
      await m.open()
    ).install({
      source,
      boundImages: 'pull',
      bootloader: 'none',
      loader: false,
      kargs: { root: ['root=LABEL=root'] },
    })
    expect(installed.boundImages?.images).toMatchObject([{ image: 'registry.test/app:1', fetched: true }])
    // Where the link of the image leads, whatever the store.
    const place = await followPath(m.sysroot.root, 'ostree/bootc/storage')
    expect(place).toBe(name === 'ostree' ? 'ostree/bootc/storage' : 'composefs/bootc/storage')
    const storage = () => containersImageStore(m.sysroot.root.sub(place!))
    const stored = await storage().lookup({ transport: 'registry', name: 'registry.test/app:1' })
    const tree = await storage().open(stored!)
    expect(await readText(tree, 'usr/app')).toBe('one')
    expect(await tree.stat('usr/old')).toBeUndefined()

    await m.reboot()
    transport.images.set(source.image.name, boundTo(2, 'registry.test/app:2'))
    const upgraded = await (await m.open()).upgrade()
    expect(upgraded.boundImages?.images).toMatchObject([{ image: 'registry.test/app:2', fetched: true }])
    await m.reboot()
    await (await m.open()).prune()
    const names = async () => {
      const found: string[] = []
      for await (const { reference } of storage().list()) found.push(reference!.name)
      return found.sort()
    }
    expect(await names()).toEqual(['registry.test/app:1', 'registry.test/app:2'])

    transport.images.set(source.image.name, boundTo(3, 'registry.test/app:2'))
    await (await m.open()).upgrade()
    await m.reboot()
    await (await m.open()).prune()
    expect(await names()).toEqual(['registry.test/app:2'])
  })

  test('what cannot be fetched leaves the system as it was', async () => {
    const transport = memoryTransport({
      [source.image.name]: boundTo(1, 'registry.test/app:1'),
      'registry.test/app:1': app('one'),
    })
    const m = machine(backend, transport)
    await (await m.open()).install({ source, boundImages: 'pull', bootloader: 'none', loader: false })
    await m.reboot()
    const before = await (await m.open()).status()
    transport.images.set(source.image.name, boundTo(2, 'registry.test/none:1'))
    await expect((await m.open()).upgrade()).rejects.toMatchObject({ code: 'DEPLOY_BOUND_IMAGE' })
    expect(await (await m.open()).status()).toEqual(before)
  })
})
