import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startFleet } from './lib/fleet.js'
import { nameOf, noGuests, type BootPath } from './lib/guests.js'
import { checkDisk } from './lib/offline.js'
import { expectSlots, guest, statusOf, upgrade } from './lib/system.js'
import { guestsWanted } from './lib/wanted.js'
import { edit, edited, saying, watch } from './lib/watched.js'

const reason = noGuests('sgdisk')

const paths: (BootPath & { ci?: boolean })[] = [
  { store: 'ostree', loader: 'grub', ci: true },
  { store: 'ostree', loader: 'systemd-boot' },
  { store: 'composefs', loader: 'grub' },
  { store: 'composefs', loader: 'systemd-boot' },
  { store: 'composefs', loader: 'systemd-boot', uki: true },
  { store: 'composefs', loader: 'grub', uki: true },
  { store: 'ostree', loader: 'grub', firmware: 'bios' },
]
const wanted = paths.filter(({ ci }) => guestsWanted() === 'all' || ci === true)

describe.skipIf(reason)(
  `a machine from its disk image to an update and back${reason ? ` (${reason})` : ''}`,
  () => {
    const fleet = startFleet('boot-matrix')
    const { dir, summary } = fleet

    test.each(wanted.map((path) => [nameOf(path), path] as const))(
      '%s: v1 boots, fetches v2 from a registry, boots it with /etc merged and /var kept, rolls back',
      { timeout: 3_600_000 },
      async (name, path) => {
        const { store, loader, firmware = 'uefi' } = path
        const v1 = fleet.push(path, 'v1')
        const disk = join(dir, `${name}.raw`)
        await fleet.install(path, disk)
        const machine = await fleet.start({ log: fleet.log(name), disks: [disk], firmware })
        const { booted } = watch(fleet, machine, path)

        expect(await booted('v1', machine.ready())).toMatchObject(saying.v1)
        await expectSlots(machine, { booted: v1 })

        const v2 = fleet.push(path, 'v2')
        await guest(machine, edit)
        await summary.time(name, 'upgrade', () => upgrade(machine))
        await expectSlots(machine, { booted: v1, staged: v2 })

        expect(await booted('v2', machine.reboot())).toMatchObject({ ...saying.v2, ...edited })
        await expectSlots(machine, { booted: v2, rollback: v1 })
        // What the programs of the distribution make of it.
        if (store === 'ostree') await guest(machine, 'ostree fsck --quiet --repo=/sysroot/ostree/repo')
        else await guest(machine, 'bootc-sdk composefs fsck --repo /sysroot/composefs')
        if (store === 'ostree' && loader === 'grub') {
          // Elsewhere ostree itself finds no deployments: it wants a link /boot/loader, which FAT cannot have.
          const { output } = await guest(machine, 'ostree admin status')
          expect(output.match(/^[* ] default [0-9a-f]{64}\.\d/gm)).toHaveLength(2)
          expect(output).toMatch(/^\* default [0-9a-f]{64}\.0/m)
        }
        if (loader === 'systemd-boot') {
          const { output } = await guest(machine, 'bootctl list --no-pager')
          expect(output).not.toMatch(/not reported|invalid|error/i)
          expect(output.match(/\(default\)/g)).toHaveLength(1)
        }

        await summary.time(name, 'rollback', () => guest(machine, 'bootc-sdk rollback'))
        expect((await statusOf(machine)).status.rollbackQueued).toBe(true)
        // /etc of v1 is as it was left, /var is shared.
        expect(await booted('v1', machine.reboot())).toMatchObject({ ...saying.v1, ...edited })
        await expectSlots(machine, { booted: v1, rollback: v2 })

        await summary.time(name, 'off', () => machine.powerOff())
        await summary.time(name, 'fsck', () => checkDisk(disk))
      },
    )
  },
)
