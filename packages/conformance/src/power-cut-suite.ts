import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  memorySysroot,
  powerCutSysroot,
  type MemoryDisks,
  type MemorySysroot,
  type PowerCutSysroot,
} from '@bootc-sdk/core/testing'
import type { Bootc } from '@bootc-sdk/core'
import { copyDisks, editEtc, followed, Lab, otherImage, restart, type Pair } from './machine.js'
import { assertClean, assertMergedEtc, diskText } from './pair-checks.js'
import { releaseImage } from './release-image.js'
import { group, type Runner } from './runner.js'

export interface PowerCutSuiteOptions extends Runner, Pair {
  /** For test names. */
  readonly name: string
  /** Cuts that must have been tried in the end; default 100. */
  readonly minCuts?: number
  /** Random survivors of each cut, besides the three fixed ones; default 2. */
  readonly random?: number
  /** Try every Nth write only; default 1. */
  readonly every?: number
}

/** Filled while the tests run. */
export interface PowerCutTally {
  /** Power cuts. */
  cuts: number
  /** Different states of the disks that were booted, upgraded and booted again. */
  states: number
  /** Writes of each operation. */
  readonly writes: Record<string, number>
}

interface Operation {
  readonly name: string
  /** A machine before the operation. */
  readonly prepare: (lab: Lab) => Promise<MemorySysroot>
  readonly run: (bootc: Bootc) => Promise<unknown>
  /** Versions that may boot afterwards. */
  readonly versions: readonly string[]
  /** What may be given up: /etc of a machine that was never edited. */
  readonly edited: boolean
}

const operations: readonly Operation[] = [
  {
    name: 'upgrade',
    prepare: (lab) => running(lab, 1),
    run: (bootc) => bootc.upgrade(),
    versions: ['1'],
    edited: true,
  },
  {
    name: 'finalize',
    prepare: (lab) => staged(lab, 2),
    run: (bootc) => bootc.finalize(),
    versions: ['1', '2'],
    edited: true,
  },
  {
    name: 'finalize with a new kernel',
    prepare: (lab) => staged(lab, 3),
    run: (bootc) => bootc.finalize(),
    versions: ['1', '3'],
    edited: true,
  },
  {
    name: 'finalize where an older deployment goes',
    prepare: async (lab) => {
      const second = await lab.boot((await finalized(lab, 2)).disks)
      lab.release(releaseImage(3))
      await second.bootc.upgrade()
      return second.sysroot
    },
    run: (bootc) => bootc.finalize(),
    versions: ['2', '3'],
    edited: true,
  },
  {
    name: 'rollback',
    prepare: async (lab) => (await lab.boot((await finalized(lab, 2)).disks)).sysroot,
    run: (bootc) => bootc.rollback(),
    versions: ['2', '1'],
    edited: true,
  },
  {
    name: 'switch',
    prepare: async (lab) => {
      lab.release(releaseImage(5), otherImage)
      return running(lab, 1)
    },
    run: (bootc) => bootc.switch(otherImage),
    versions: ['1'],
    edited: true,
  },
  {
    name: 'prune',
    prepare: async (lab) => {
      // A staged deployment that is forgotten at reboot leaves everything for the prune.
      const sysroot = await staged(lab, 3)
      return (await lab.boot(sysroot.disks)).sysroot
    },
    run: (bootc) => bootc.prune(),
    versions: ['1'],
    edited: true,
  },
]

/**
 * Cut the power before every write of every operation, with what was not synced lost in several ways. Each
 * state of the disks must boot the old or the new image with its /etc, then take an upgrade, boot that, and
 * hold no temporary files after the next prune.
 *
 * @returns counts, complete when the tests have run
 */
export function powerCutSuite(options: PowerCutSuiteOptions): PowerCutTally {
  const { test, name, minCuts = 100, every = 1 } = options
  const tally: PowerCutTally = { cuts: 0, states: 0, writes: {} }
  group(options, `${name}: power cuts`, () => {
    for (const operation of operations) {
      test(`${operation.name}: whatever a cut leaves boots, and upgrades again`, async () => {
        const lab = new Lab(options)
        const start = await operation.prepare(lab)
        const seen = new Set<string>()
        const total = await countWrites(lab, operation, start)
        tally.writes[operation.name] = total
        for (let cut = 0; cut < total; cut += every) {
          const powered = await cutAt(lab, operation, start, cut)
          tally.cuts++
          const survivors = await powered.survivors({ seed: cut + 1, random: options.random ?? 2 })
          for (const survivor of survivors) {
            const state = await fingerprint(survivor.disks)
            if (seen.has(state)) continue
            seen.add(state)
            tally.states++
            const where = `${operation.name}, cut before write ${cut} (${powered.before}), ${survivor.name}`
            await recover(lab, survivor.disks, operation, where)
          }
        }
      })
    }

    test('a cut in the middle of an installation: the same command finishes it', async () => {
      const lab = new Lab(options)
      lab.release(releaseImage(1))
      const empty = lab.emptySysroot()
      const install = (bootc: Bootc) => bootc.install({ source: followed })
      const operation = { name: 'install', run: install }
      const total = await countWrites(lab, operation, empty)
      tally.writes['install'] = total
      for (let cut = 0; cut < total; cut += Math.max(every, 3)) {
        const powered = await cutAt(lab, operation, empty, cut)
        tally.cuts++
        for (const { name: how, disks } of await powered.survivors({ seed: cut + 1, random: 1 })) {
          tally.states++
          await explained(`install, cut before write ${cut} (${powered.before}), ${how}`, async () => {
            await finishInstall(lab, disks)
            assert.equal((await lab.boot(disks)).boot.version, '1')
          })
        }
      }
    })

    test(`at least ${minCuts} cuts were tried`, async () => {
      assert.ok(tally.cuts >= minCuts, `only ${tally.cuts} cuts`)
    })
  })
  return tally
}

/** A machine in version 1, edited, with a newer image released. */
async function running(lab: Lab, version: number): Promise<MemorySysroot> {
  lab.release(releaseImage(version))
  const machine = await lab.boot(await lab.install())
  await editEtc(machine)
  lab.release(releaseImage(version + 1))
  return machine.sysroot
}

async function staged(lab: Lab, version: number): Promise<MemorySysroot> {
  const sysroot = await running(lab, 1)
  lab.release(releaseImage(version))
  await (await lab.bootc(sysroot)).upgrade()
  return sysroot
}

async function finalized(lab: Lab, version: number): Promise<MemorySysroot> {
  const sysroot = await staged(lab, version)
  await (await lab.bootc(sysroot)).finalize()
  return sysroot
}

type Runnable = Pick<Operation, 'name' | 'run'>

async function countWrites(lab: Lab, operation: Runnable, start: MemorySysroot): Promise<number> {
  const { sysroot, supply } = powerCutSysroot(start)
  await operation.run(await lab.bootc(sysroot))
  assert.ok(supply.writes > 0, `${operation.name} writes nothing, so there is nothing to try`)
  return supply.writes
}

async function cutAt(
  lab: Lab,
  operation: Runnable,
  start: MemorySysroot,
  cut: number,
): Promise<PowerCutSysroot & { before: string }> {
  const powered = powerCutSysroot(start)
  powered.supply.cutAfter(cut)
  try {
    await operation.run(await lab.bootc(powered.sysroot))
  } catch (error) {
    // What is thrown after the cut does not matter: the machine is off.
    if (!powered.supply.isCut) throw error
  }
  assert.ok(powered.supply.isCut, `${operation.name} made fewer writes than before, the ${cut}th never came`)
  return { ...powered, before: powered.supply.log.at(-1) ?? 'first write' }
}

async function recover(lab: Lab, disks: MemoryDisks, operation: Operation, where: string): Promise<void> {
  await explained(where, async () => {
    const machine = await lab.boot(disks)
    const { version } = machine.boot
    assert.ok(operation.versions.includes(version), `version ${version} boots`)
    await assertMergedEtc(machine, version)

    lab.release(releaseImage(4))
    const { outcome } = await machine.bootc.upgrade()
    assert.equal(outcome, 'staged')
    const next = await restart(lab, machine)
    assert.equal(next.boot.version, '4')
    await assertMergedEtc(next, '4')
    await next.bootc.prune()
    await assertClean(next.sysroot.disks)
    const { orphans } = await next.bootc.status()
    assert.deepEqual(orphans, [])
  })
}

async function finishInstall(lab: Lab, disks: MemoryDisks): Promise<void> {
  const bootc = await lab.bootc(memorySysroot({ ...disks }))
  await bootc.install({ source: followed })
}

async function explained(where: string, run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (error) {
    throw new Error(`${where}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

async function fingerprint(disks: MemoryDisks): Promise<string> {
  return createHash('sha256')
    .update(await diskText(copyDisks(disks)))
    .digest('hex')
}
