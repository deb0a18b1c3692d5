import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { seededRandom } from '@bootc-sdk/core/testing'
import { describe, expect, test } from 'vitest'
import { startFleet } from './lib/fleet.js'
import { nameOf, noGuests, type BootPath } from './lib/guests.js'
import type { Machine } from './lib/machine.js'
import { factsOf, guest, statusOf, upgrade } from './lib/system.js'
import { run } from './lib/tools.js'
import { guestsWanted } from './lib/wanted.js'

const reason = guestsWanted() === 'ci' ? 'E2E_GUESTS=ci' : noGuests('qemu-img')
const cuts = Number(process.env['E2E_CUTS'] ?? 20)
const seed = Number(process.env['E2E_SEED'] ?? 20240229)

/** Both stores, both loaders. */
const paths: BootPath[] = [
  { store: 'ostree', loader: 'grub' },
  { store: 'composefs', loader: 'systemd-boot' },
]

/** A disk, and a machine that runs from it and stands still. */
interface Frozen {
  readonly disk: string
  readonly vars: string
  readonly state: string
}

describe.skipIf(reason)(`a machine whose power is cut${reason ? ` (${reason})` : ''}`, () => {
  const fleet = startFleet('power-cut-guest')
  const { dir, summary, log } = fleet
  let machine: Machine

  /** The frozen machine on a disk of its own, going on. */
  async function thaw(from: Frozen, name: string, logDir: string) {
    const to = { disk: join(dir, `${name}.qcow2`), vars: join(dir, `${name}.vars`) }
    run('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', from.disk, '-F', 'qcow2', to.disk)
    copyFileSync(from.vars, to.vars)
    machine = await fleet.start({
      log: logDir,
      disks: [to.disk],
      vars: to.vars,
      cache: 'writeback',
      state: from.state,
    })
    return to
  }

  async function freeze(disk: { disk: string; vars: string }, name: string): Promise<Frozen> {
    const state = join(dir, `${name}.state`)
    await machine.save(state)
    return { ...disk, state }
  }

  test.each(paths.map((path) => [nameOf(path), path] as const))(
    `%s: boots the old or the new deployment after ${cuts} cuts during upgrade and finalize, and upgrades`,
    { timeout: 6 * 3_600_000 },
    async (name, path) => {
      const v1 = fleet.push(path, 'v1')
      const base = { disk: join(dir, `${name}.qcow2`), vars: join(dir, `${name}.vars`) }
      await fleet.install(path, base.disk)
      machine = await fleet.start({ log: log(name, 'v1'), disks: [base.disk], vars: base.vars })
      const { seconds } = await machine.ready()
      summary.add(name, 'v1', seconds)
      await guest(machine, 'echo local >/etc/local.conf; echo kept >/var/kept; sync')
      const atV1 = await freeze(base, `${name}-v1`)
      const v2 = fleet.push(path, 'v2')

      // A rehearsal: how long each phase takes on this machine, and a state between them.
      const staged = await thaw(atV1, `${name}-staged`, log(name, 'rehearsal'))
      const upgradeMs = await elapsed(() => upgrade(machine))
      await guest(machine, 'sync')
      const atStaged = await freeze(staged, `${name}-staged`)
      await thaw(atStaged, `${name}-rehearsal`, log(name, 'rehearsal-finalize'))
      machine.start('systemctl --no-block reboot')
      await machine.printed(stopping)
      let finalizeMs = 1.2 * (await elapsed(() => machine.printed(/Stopped .*finalize-staged/)))
      await machine.kill()
      summary.add(name, 'upgrade', upgradeMs / 1000)
      summary.add(name, 'finalize', finalizeMs / 1000)

      const random = seededRandom(seed)
      const outcomes = { old: 0, new: 0 }
      const start = performance.now()
      for (let cut = 0; cut < cuts; cut++) {
        const phase = cut % 2 === 0 ? 'upgrade' : 'finalize'
        const logDir = log(name, `${String(cut + 1).padStart(2, '0')}-${phase}`)
        fleet.push(path, 'v2')
        const disk = await thaw(phase === 'upgrade' ? atV1 : atStaged, `${name}-cut`, join(logDir, 'cut'))
        // Every part of a phase, whatever the number of cuts.
        const share = (Math.floor(cut / 2) + random()) / Math.ceil(cuts / 2)
        const what = `cut ${cut + 1} at ${Math.round(share * 100)} % of ${phase}`
        if (phase === 'upgrade') machine.start('bootc-sdk upgrade --tls-verify=false')
        else {
          machine.start('systemctl --no-block reboot')
          await machine.printed(stopping)
        }
        await sleep(share * (phase === 'upgrade' ? upgradeMs : finalizeMs))
        await machine.kill()

        machine = await fleet.start({ log: join(logDir, 'after'), disks: [disk.disk], vars: disk.vars })
        const { state } = await machine.ready()
        expect(state, what).toBe('running')
        const { version, colour, local, kept } = await factsOf(machine)
        const isNew = version === '2'
        expect({ version, colour, local, kept }, what).toEqual({
          version: isNew ? '2' : '1',
          colour: isNew ? 'green' : 'red',
          local: 'local',
          kept: 'kept',
        })
        if (phase === 'upgrade') expect(version, what).toBe('1')
        else outcomes[isNew ? 'new' : 'old']++
        // The machine gets faster and slower; both sides of the switch should be hit.
        if (phase === 'finalize') finalizeMs *= isNew ? 0.95 : 1.05

        // From the old one to the same image; from the new one to yet another.
        const next = isNew ? fleet.push(path, 'v4') : v2
        await upgrade(machine)
        expect((await statusOf(machine)).status.staged!.image.imageDigest, what).toBe(next)
        await guest(machine, fsck(path))
        const { status } = await statusOf(machine)
        expect(status.booted!.image.imageDigest, what).toBe(isNew ? v2 : v1)
        // Now and then to the end: one boot more.
        if (cut % 5 < 2) {
          const again = await machine.reboot()
          expect(again.version, what).toBe(isNew ? '4' : '2')
          await guest(machine, fsck(path))
        }
        await machine.kill()
        rmSync(disk.disk)
      }
      summary.add(name, `${cuts} cuts`, (performance.now() - start) / 1000, JSON.stringify(outcomes))
    },
  )
})

/** systemd's message when it begins to stop the unit that finalizes. */
const stopping = /Stopping .*(staged deployment|finalize)/i

function fsck({ store }: BootPath): string {
  return store === 'ostree'
    ? 'ostree fsck --quiet --repo=/sysroot/ostree/repo'
    : 'bootc-sdk composefs fsck --repo /sysroot/composefs'
}

async function elapsed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
