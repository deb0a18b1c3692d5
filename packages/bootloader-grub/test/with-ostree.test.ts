import { expect, test } from 'vitest'
import { openBootc, type Bootc, type SignedImageReference, type Sysroot } from '@bootc-sdk/core'
import {
  bootableImage,
  memorySysroot,
  memoryTransport,
  readText,
  simulateReboot,
} from '@bootc-sdk/core/testing'
import { ostreeBackend } from '@bootc-sdk/ostree-backend'
import { grubBootloader } from '../src/index.js'

const source: SignedImageReference = {
  image: { transport: 'registry', name: 'registry.example/os:stable' },
  signature: { kind: 'insecure' },
}

test.each(['directory', 'volume'] as const)(
  'a machine on OSTree lives through upgrades and a rollback, /boot being a %s',
  async (boot) => {
    const transport = memoryTransport({ [source.image.name]: bootableImage({ version: 1 }) })
    const open = (sysroot: Sysroot): Promise<Bootc> =>
      openBootc({
        sysroot,
        transports: [transport],
        stores: [ostreeBackend()],
        bootloaders: [grubBootloader()],
      })
    const { disks } = await (async () => {
      const sysroot = memorySysroot({ boot })
      await (await open(sysroot)).install({ source, kargs: { root: ['root=LABEL=root', 'rw'] } })
      return sysroot
    })()
    let running = await simulateReboot(disks)
    expect(running.boot.version).toBe('1')
    for (const version of [2, 3, 4]) {
      transport.images.set(source.image.name, bootableImage({ version }))
      const bootc = await open(running.sysroot)
      // Nothing on this machine can start the unit that would finalize at shutdown; the next line does it.
      const warnings = [{ code: 'deploy:finalize-unit' }]
      expect(await bootc.upgrade()).toMatchObject({ outcome: 'staged', warnings })
      expect(await bootc.finalize()).toMatchObject({ outcome: 'finalized', warnings: [] })
      running = await simulateReboot(disks)
      expect(running.boot.version).toBe(String(version))
      expect(running.boot.cmdline).toContain(`app.level=${version}`)
    }
    const { dir } = running.sysroot.boot
    const prefix = boot === 'directory' ? '/boot/ostree/' : '/ostree/'
    const active = await dir.readlink('loader')
    const text = await readText(dir, `${active}/entries/ostree-2.conf`)
    expect(text).toMatch(
      new RegExp(`^title Test OS 4 \\(ostree:0\\)\nversion 2\noptions .*\nlinux ${prefix}default-`),
    )

    const bootc = await open(running.sysroot)
    await bootc.rollback()
    const state = await bootc.status()
    expect([state.booted?.deployment.image?.version, state.rollbackQueued]).toEqual(['4', true])
    expect((await simulateReboot(disks)).boot.version).toBe('3')
  },
)
