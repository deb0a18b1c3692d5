import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startFleet, type Fleet } from './lib/fleet.js'
import { nameOf, noGuests, type BootPath } from './lib/guests.js'
import type { Machine } from './lib/machine.js'
import { checkDisk } from './lib/offline.js'
import { expectSlots, guest, statusOf, upgrade } from './lib/system.js'
import { guestsWanted } from './lib/wanted.js'
import { edit, edited, saying, watch } from './lib/watched.js'

const reason = guestsWanted() === 'ci' ? 'E2E_GUESTS=ci' : noGuests('sgdisk')

/** Both with an initramfs of Debian's usual kind, and with /var and /home on partitions of their own. */
const own = { initramfs: 'initramfs-tools', partitions: ['var:1G', 'home:256M'] } as const
const ostree: BootPath = { store: 'ostree', loader: 'grub', ...own }
const composefs: BootPath = { store: 'composefs', loader: 'systemd-boot', ...own }

describe.skipIf(reason)(`machines with less usual parts${reason ? ` (${reason})` : ''}`, () => {
  const fleet = startFleet('boot-variants')
  const { summary } = fleet

  test(
    `${nameOf(ostree)}, own /var and /home: boots, updates by a restart where a soft one cannot be, rolls back`,
    { timeout: 3_600_000 },
    async () => {
      const name = nameOf(ostree)
      const { machine, disk, v1 } = await installed(fleet, ostree)
      const { booted } = watch(fleet, machine, ostree)
      expect(await booted('v1', machine.ready())).toMatchObject(saying.v1)
      expect(machine.console()).toMatch(/Running \/scripts\/local-bottom/)
      await expectOwnVar(machine, '/sysroot/ostree/deploy/default/var')
      await expectSlots(machine, { booted: v1 })

      const v2 = fleet.push(ostree, 'v2')
      await guest(machine, `${edit}; echo kept >/home/kept`)
      await summary.time(name, 'upgrade', () => upgrade(machine))
      // Debian 13 has libostree 2025.2.
      const refused = await machine.run('bootc-sdk upgrade --tls-verify=false --soft-reboot=required')
      expect(refused.status).not.toBe(0)
      expect(refused.output).toMatch(
        /Soft reboot was required but staged deployment is not soft-reboot capable/,
      )
      await upgrade(machine, '--soft-reboot=auto')
      await expectSlots(machine, { booted: v1, staged: v2 })

      expect(await booted('v2', machine.reboot())).toMatchObject({ ...saying.v2, ...edited })
      await expectSlots(machine, { booted: v2, rollback: v1 })
      await expectOwnVar(machine, '/sysroot/ostree/deploy/default/var')
      expect((await guest(machine, 'cat /home/kept')).output).toContain('kept')

      await summary.time(name, 'rollback', () => guest(machine, 'bootc-sdk rollback'))
      expect(await booted('v1', machine.reboot())).toMatchObject({ ...saying.v1, ...edited })
      await expectSlots(machine, { booted: v1, rollback: v2 })
      await finished(fleet, ostree, machine, disk)
    },
  )

  test(
    `${nameOf(composefs)}, own /var and /home: updates and rolls back by soft reboots, starts what was made the default`,
    { timeout: 3_600_000 },
    async () => {
      const name = nameOf(composefs)
      const { machine, disk, v1 } = await installed(fleet, composefs)
      const { booted } = watch(fleet, machine, composefs)
      expect(await booted('v1', machine.ready())).toMatchObject(saying.v1)
      expect(machine.console()).toMatch(/Running \/scripts\/local-bottom/)
      await expectOwnVar(machine, '/sysroot/state/os/default/var')
      await expectSlots(machine, { booted: v1 })

      const v2 = fleet.push(composefs, 'v2')
      await guest(machine, edit)
      await summary.time(name, 'upgrade', () => upgrade(machine))
      const before = await expectSlots(machine, { booted: v1, staged: v2 })
      expect(before.staged).toMatchObject({ softRebootCapable: true })
      const apply = 'bootc-sdk upgrade --tls-verify=false --soft-reboot=required --apply'
      expect(await booted('v2', machine.reboot(apply), 'soft')).toMatchObject({ ...saying.v2, ...edited })
      await expectGood(machine, { booted: v2, rollback: v1 })
      await expectOwnVar(machine, '/sysroot/state/os/default/var')
      expect(await booted('v2', machine.reboot())).toMatchObject({ ...saying.v2, ...edited })
      await expectSlots(machine, { booted: v2, rollback: v1 })

      // Without --apply when the administrator says so. A plain reboot would be a soft one by logind, which is masked here.
      await summary.time(name, 'rollback', () => guest(machine, 'bootc-sdk rollback --soft-reboot=required'))
      expect((await statusOf(machine)).status).toMatchObject({
        rollbackQueued: true,
        rollback: { softRebootQueued: true },
      })
      const soft = 'systemctl --no-block soft-reboot'
      expect(await booted('v1', machine.reboot(soft), 'soft')).toMatchObject({ ...saying.v1, ...edited })
      await expectGood(machine, { booted: v1, rollback: v2 })
      await finished(fleet, composefs, machine, disk)
    },
  )
})

async function installed(fleet: Fleet, path: BootPath) {
  const v1 = fleet.push(path, 'v1')
  const disk = join(fleet.dir, `${nameOf(path)}.raw`)
  await fleet.install(path, disk)
  return { v1, disk, machine: await fleet.start({ log: fleet.log(nameOf(path)), disks: [disk] }) }
}

async function finished({ summary }: Fleet, path: BootPath, machine: Machine, disk: string): Promise<void> {
  await summary.time(nameOf(path), 'off', () => machine.powerOff())
  await summary.time(nameOf(path), 'fsck', () => checkDisk(disk))
}

/** /var and /home are what fstab says, with what the image has there, and nothing is in the /var of the root's disk. */
async function expectOwnVar(machine: Machine, shared: string): Promise<void> {
  const { output } = await guest(
    machine,
    `for at in /var /var/home; do
       uuid=$(awk -v at=$at '$2 == at { sub("UUID=", "", $1); print $1 }' /etc/fstab)
       [ -n "$uuid" ] && [ "$(findmnt -no UUID,FSTYPE $at)" = "$uuid ext4" ] || echo "$at is $(findmnt -n $at), fstab: $uuid"
     done
     [ "$(findmnt -no SOURCE /var)" != "$(findmnt -no SOURCE /var/home)" ] || echo one partition
     [ ! -e ${shared}/lib/e2e ] || echo the /var of the root is in use
     [ -d /var/tmp ] && [ -L /var/lib/dpkg ] || echo directories are missing`,
  )
  expect(output.trim()).toBe('')
}

/** The health check passed, and nothing is on trial any more. */
async function expectGood(machine: Machine, slots: { booted: string; rollback: string }): Promise<void> {
  await guest(machine, 'systemctl is-active boot-complete.target')
  const { healing } = await expectSlots(machine, slots)
  expect(healing?.trials ?? []).toEqual([])
}
