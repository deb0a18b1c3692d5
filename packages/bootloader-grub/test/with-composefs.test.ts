import { describe, expect, test } from 'vitest'
import { openBootc, type Bootc, type SignedImageReference, type Sysroot } from '@bootc-sdk/core'
import { toBootcHost } from '@bootc-sdk/core/host-api'
import {
  bootableImage,
  dir,
  file,
  memorySysroot,
  memoryTransport,
  readText,
  simulateReboot,
  type BuiltImage,
  type MemoryDisks,
} from '@bootc-sdk/core/testing'
import { composefsBackend } from '@bootc-sdk/composefs-backend'
import { composefsRoots } from '@bootc-sdk/composefs-backend/testing'
import { grubBootloader } from '../src/index.js'

const source: SignedImageReference = {
  image: { transport: 'registry', name: 'registry.example/os:stable' },
  signature: { kind: 'insecure' },
}
const other: SignedImageReference = {
  image: { transport: 'registry', name: 'registry.example/os:1.0' },
  signature: { kind: 'insecure' },
}

function lab(first: BuiltImage = bootableImage({ version: 1 })) {
  const transport = memoryTransport({ [source.image.name]: first })
  const open = (sysroot: Sysroot): Promise<Bootc> =>
    openBootc({
      sysroot,
      transports: [transport],
      stores: [composefsBackend()],
      bootloaders: [grubBootloader()],
    })
  return {
    transport,
    release: (image: BuiltImage, { image: { name } } = source) => transport.images.set(name, image),
    open,
    async install(boot: 'directory' | 'volume' = 'directory'): Promise<MemoryDisks> {
      const sysroot = memorySysroot({ boot })
      await (await open(sysroot)).install({ source, kargs: { root: ['root=LABEL=root', 'rw'] } })
      return sysroot.disks
    },
    async boot(disks: MemoryDisks) {
      const running = await simulateReboot(disks, { roots: [composefsRoots] })
      return { ...running, bootc: await open(running.sysroot) }
    },
  }
}

test.each(['directory', 'volume'] as const)(
  'a machine on composefs lives through upgrades and a rollback, /boot being a %s',
  async (boot) => {
    const { install, boot: start, release } = lab()
    const disks = await install(boot)
    let running = await start(disks)
    expect(running.boot.version).toBe('1')
    for (const version of [2, 3, 4]) {
      release(bootableImage({ version }))
      // Nothing on this machine can start the unit that would finalize at shutdown; the next line does it.
      const warnings = [{ code: 'deploy:finalize-unit' }]
      expect(await running.bootc.upgrade()).toMatchObject({ outcome: 'staged', warnings })
      expect(await running.bootc.finalize()).toMatchObject({ outcome: 'finalized', warnings: [] })
      running = await start(disks)
      expect(running.boot.version).toBe(String(version))
      expect(running.boot.cmdline).toContain(`app.level=${version}`)
    }
    const prefix = boot === 'directory' ? '/boot/bootc_composefs-' : '/bootc_composefs-'
    expect(await readText(running.sysroot.boot.dir, 'loader/entries/bootc_testos-4-1.conf')).toMatch(
      new RegExp(`^title Test OS 4\nversion 4\nlinux ${prefix}[0-9a-f]{128}/vmlinuz\n`),
    )

    // Another VERSION_ID: with bootc's own file names the default would stay.
    await running.bootc.rollback()
    const state = await running.bootc.status()
    expect([state.booted?.deployment.image?.version, state.rollbackQueued]).toEqual(['4', true])
    const old = await start(disks)
    expect(old.boot.version).toBe('3')
    expect(await old.bootc.rollback()).toMatchObject({ next: 'rollback' })
    expect((await start(disks)).boot.version).toBe('4')
  },
)

test('status is the document that bootc prints for a composefs system', async () => {
  const { install, boot } = lab()
  const { bootc, boot: booted } = await boot(await install())
  const { status } = toBootcHost(await bootc.status())
  const id = booted.deployment.slice('state/deploy/'.length)
  expect(status.booted).toMatchObject({ store: null, ostree: null })
  expect(JSON.stringify(status.booted?.composefs)).toBe(
    JSON.stringify({
      verity: id,
      bootType: 'Bls',
      bootloader: 'grub',
      bootDigest: status.booted?.composefs?.bootDigest,
      missingVerityAllowed: true,
    }),
  )
})

describe('an image that has one deployment only', () => {
  const same = (name: string) => bootableImage({ version: 1, labels: { 'example.build': name } })

  test('is up to date under another manifest, too', async () => {
    const { install, boot, release } = lab(same('monday'))
    const { bootc } = await boot(await install())
    release(same('tuesday'))
    expect(await bootc.upgrade()).toMatchObject({ outcome: 'up-to-date' })
  })

  test('stays staged when another manifest of it comes', async () => {
    const { install, boot, release } = lab()
    const { bootc } = await boot(await install())
    release(bootableImage({ version: 2 }))
    await bootc.upgrade()
    release(bootableImage({ version: 2, labels: { 'example.build': 'again' } }))
    expect(await bootc.upgrade()).toMatchObject({ outcome: 'already-staged' })
  })

  test('is not deployed over what runs, nor over the rollback', async () => {
    const { install, boot, release } = lab()
    const disks = await install()
    const first = await boot(disks)
    release(bootableImage({ version: 1 }), other)
    await expect(first.bootc.switch(other)).rejects.toMatchObject({
      code: 'DEPLOY_EXISTS',
      details: { role: 'booted' },
    })
    release(bootableImage({ version: 2 }))
    await first.bootc.upgrade()
    await first.bootc.finalize()
    const second = await boot(disks)
    release(bootableImage({ version: 1 }))
    await expect(second.bootc.upgrade()).rejects.toMatchObject({
      code: 'DEPLOY_EXISTS',
      details: { role: 'rollback' },
    })
    expect((await boot(disks)).boot.version).toBe('2')
  })

  test('can be installed again beside itself only where it was cut off', async () => {
    const { install, open } = lab()
    const disks = await install()
    const bootc = await open(memorySysroot({ ...disks }))
    await expect(bootc.install({ source, replace: 'alongside' })).rejects.toMatchObject({
      code: 'DEPLOY_EXISTS',
    })
  })
})

test('a store with one /var refuses a stateroot', async () => {
  const { open } = lab()
  const bootc = await open(memorySysroot())
  await expect(bootc.install({ source, stateroot: 'other' })).rejects.toMatchObject({
    code: 'DEPLOY_NO_STATEROOTS',
  })
})

test('a soft reboot is possible with the same kernel and arguments, and systemd for it', async () => {
  const unit = [dir('usr/lib/systemd/system'), file('usr/lib/systemd/system/soft-reboot.target', '')]
  const policy = (text: string) => [
    ...['etc/selinux', 'etc/selinux/targeted', 'etc/selinux/targeted/policy'].map((name) => dir(name)),
    file('etc/selinux/config', 'SELINUX=enforcing\nSELINUXTYPE=targeted\n'),
    file('etc/selinux/targeted/policy/policy.9', 'older'),
    file('etc/selinux/targeted/policy/policy.33', text),
    ...['etc/selinux/targeted/contexts', 'etc/selinux/targeted/contexts/files'].map((name) => dir(name)),
    file('etc/selinux/targeted/contexts/files/file_contexts', ''),
  ]
  const capable = async (before: string, after: string, more = unit): Promise<boolean | undefined> => {
    const image = (text: string, release: string) =>
      bootableImage({
        version: 1,
        extraEntries: [...more, ...policy(text), file('usr/lib/release', release)],
      })
    const { install, boot, release } = lab(image(before, 'one'))
    const { bootc } = await boot(await install())
    release(image(after, 'two'))
    await bootc.upgrade()
    return (await bootc.status()).staged?.softRebootCapable
  }
  expect(await capable('same', 'same')).toBe(true)
  expect(await capable('one', 'another')).toBe(false)
  expect(await capable('same', 'same', [])).toBe(false)
})
