import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startFleet } from './lib/fleet.js'
import { nameOf, noGuests, type BootPath } from './lib/guests.js'
import type { Machine } from './lib/machine.js'
import { checkDisk } from './lib/offline.js'
import { factsOf, guest, statusOf, upgrade } from './lib/system.js'
import { guestsWanted } from './lib/wanted.js'

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
        const boots: string[] = []
        const booted = async (step: string, starting: ReturnType<Machine['ready']>) => {
          const { seconds, bootId, boots: count } = await starting
          summary.add(name, step, seconds)
          boots.push(bootId)
          expect(count, 'a boot that did not come so far').toBe(boots.length)
          const facts = await factsOf(machine)
          expect(facts.failed).toBe('')
          expect(facts.firmware).toBe(firmware)
          expect(facts.loader).toMatch(loader === 'systemd-boot' ? /^systemd-boot / : /^$/)
          expect(facts.cmdline).toContain(`${store}=`)
          if (store === 'composefs') expect(facts.root).toMatch(/^composefs:/)
          return facts
        }

        expect(await booted('v1', machine.ready())).toMatchObject({ version: '1', colour: 'red' })
        const first = (await statusOf(machine)).status
        expect(first.booted!.image.imageDigest).toBe(v1)
        expect(first).toMatchObject({ staged: null, rollback: null })

        const v2 = fleet.push(path, 'v2')
        await guest(machine, 'echo local >/etc/local.conf; echo kept >/var/kept')
        await summary.time(name, 'upgrade', () => upgrade(machine))
        expect((await statusOf(machine)).status.staged!.image.imageDigest).toBe(v2)

        expect(await booted('v2', machine.reboot())).toMatchObject({
          version: '2',
          colour: 'green',
          local: 'local',
          kept: 'kept',
        })
        const second = (await statusOf(machine)).status
        expect(second.booted!.image.imageDigest).toBe(v2)
        expect(second.rollback!.image.imageDigest).toBe(v1)
        expect(second.staged).toBeNull()
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
        expect(await booted('v1', machine.reboot())).toMatchObject({
          version: '1',
          colour: 'red',
          local: 'local',
          kept: 'kept',
        })
        const third = (await statusOf(machine)).status
        expect(third.booted!.image.imageDigest).toBe(v1)
        expect(third.rollback!.image.imageDigest).toBe(v2)

        await summary.time(name, 'off', () => machine.powerOff())
        await summary.time(name, 'fsck', () => checkDisk(disk))
      },
    )
  },
)
