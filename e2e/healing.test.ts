import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startFleet } from './lib/fleet.js'
import { nameOf, noGuests, type BootPath } from './lib/guests.js'
import type { Machine } from './lib/machine.js'
import { factsOf, guest, statusOf } from './lib/system.js'
import { guestsWanted } from './lib/wanted.js'

const reason = noGuests()
const isShort = guestsWanted() === 'ci'

/** What is wrong with an image, and what is told about it afterwards. */
const causes = {
  health: /health check of version 3/,
  panic: /never reached its health check/,
  root: /never reached its health check/,
} as const
type Cause = keyof typeof causes

const paths: (BootPath & { causes: readonly Cause[] })[] = [
  { store: 'composefs', loader: 'systemd-boot', causes: ['health', 'panic', 'root'] },
  { store: 'ostree', loader: 'grub', causes: ['panic', 'root', 'health'] },
  { store: 'ostree', loader: 'systemd-boot', causes: ['health'] },
  { store: 'composefs', loader: 'grub', causes: ['health'] },
]
const wanted = isShort ? [{ ...paths[0]!, causes: ['panic'] as const }] : paths
/** The image says 3. */
const tries = isShort ? 1 : 3

describe.skipIf(reason)(
  `a machine that updates itself to an image that does not work${reason ? ` (${reason})` : ''}`,
  () => {
    const fleet = startFleet('healing')
    const { dir, summary } = fleet

    test.each(wanted.map((path) => [nameOf(path), path.causes.join(', '), path] as const))(
      '%s: comes back by itself (%s), says why, does not try again, and goes on with the next image',
      { timeout: 6 * 3_600_000 },
      async (name, _causes, path) => {
        let good = '2'
        let goodDigest = fleet.push(path, 'v2')
        const disk = join(dir, `${name}.raw`)
        await fleet.install(path, disk)
        const machine = await fleet.start({ log: fleet.log(name), disks: [disk], timeoutSeconds: 1800 })
        summary.add(name, 'v2', (await machine.ready()).seconds)
        // As a mirror inside a company may be: no TLS. And not by the clock, but when the test says so.
        await guest(
          machine,
          `systemctl stop bootc-sdk-update.timer
           dir=/etc/systemd/system/bootc-sdk-update.service.d
           mkdir -p $dir
           printf '[Service]\\nExecStart=\\nExecStart=/usr/bin/bootc-sdk upgrade --apply --quiet --tls-verify=false\\n' >$dir/50-e2e.conf
           ln -s /dev/null /etc/systemd/system/bootc-sdk-update.timer
           systemctl daemon-reload
           ${isShort ? `mkdir -p /etc/bootc-sdk; printf '[trial]\\ntries = ${tries}\\n' >/etc/bootc-sdk/boot-trial.toml` : ''}
           echo local >/etc/local.conf`,
        )
        const update = () => machine.start('systemctl start --no-block bootc-sdk-update.service')

        for (const cause of path.causes) {
          const bad = fleet.push(path, `v3-${cause}`)
          const kernels = kernelsStarted(machine)
          update()
          const back = await machine.ready(({ version }) => version === good)
          summary.add(name, cause, back.seconds)
          expect(kernelsStarted(machine) - kernels, 'tries, and the boot of what works').toBe(tries + 1)
          expect(back.state).toBe('running')
          expect(await factsOf(machine)).toMatchObject({ version: good, local: 'local', failed: '' })
          const { status } = await statusOf(machine)
          expect(status.booted!.image.imageDigest).toBe(goodDigest)
          expect(status.staged).toBeNull()
          expect(status.rollback?.image.imageDigest).not.toBe(bad)
          const shown = await guest(machine, 'bootc-sdk status --format humanreadable')
          expect(shown.output).toMatch(causes[cause])
          expect(shown.output).toContain(bad)
          const journal = await guest(machine, 'journalctl -b --no-pager -o cat')
          expect(journal.output).toMatch(causes[cause])

          // The updater leaves it alone, and says so.
          const again = await guest(
            machine,
            `systemctl start bootc-sdk-update.service && sleep 2
             bootc-sdk upgrade --tls-verify=false`,
          )
          expect(again.output).toMatch(/failed/)
          expect((await statusOf(machine)).status.staged).toBeNull()

          if (isShort) break
          // What comes next is another matter.
          good = { 2: '4', 4: '2' }[good]!
          goodDigest = fleet.push(path, `v${good}`)
          update()
          const next = await machine.ready(({ version }) => version === good)
          summary.add(name, `to v${good}`, next.seconds)
          expect((await statusOf(machine)).status.booted!.image.imageDigest).toBe(goodDigest)
          // Its own trial is over: it stays.
          const check = await guest(machine, 'systemctl show -P Result bootc-sdk-boot-check.service')
          expect(check.output).toContain('success')
        }
        await machine.powerOff()
      },
    )
  },
)

function kernelsStarted(machine: Machine): number {
  return machine.console().match(/\] Linux version /g)?.length ?? 0
}
