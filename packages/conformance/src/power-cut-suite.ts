import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  memorySysroot,
  powerCutSysroot,
  type MemoryDisks,
  type MemorySysroot,
  type PowerCutSysroot,
} from '@bootc-sdk/core/testing'
import { isBootcError, type Bootc } from '@bootc-sdk/core'
import { assertGrubMenu } from './grub-menu-check.js'
import { failing, healthy } from './healing-suite.js'
import { copyDisks, editEtc, followed, Lab, otherImage, restart, type Pair, type Running } from './machine.js'
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
  /** Only for loaders that count boots. */
  readonly isTrial?: boolean
  /** What must hold of whatever came up. */
  readonly check?: (machine: Running) => Promise<void>
}

/** For runners that take one with a test. */
const timeoutMs = 600_000

/** Tries that last for all boots of a test. */
const tries = 4

const trialOperations: readonly Operation[] = [
  {
    name: 'finalize on trial',
    isTrial: true,
    prepare: (lab) => staged(lab, 3, { tries }),
    run: (bootc) => bootc.finalize(),
    versions: ['1', '3'],
    async check({ boot, bootc }) {
      const { booted, healing } = await bootc.status()
      if (boot.version === '3') {
        assert.ok(booted?.entry?.count, 'a new default never boots without being on trial')
        assert.equal(healing?.trials[0]?.version, '3')
      }
      const { fellBackFrom, verdict } = await bootc.bootCheck({ gate: healthy })
      assert.deepEqual([fellBackFrom, verdict], [[], boot.version === '3' ? 'passed' : 'none'])
      assert.equal((await bootc.status()).healing, undefined)
    },
  },
  {
    name: 'a boot check that passes',
    isTrial: true,
    prepare: async (lab) => (await lab.boot((await finalized(lab, 2, { tries })).disks)).sysroot,
    run: (bootc) => bootc.bootCheck({ gate: healthy }),
    versions: ['2'],
    async check({ bootc }) {
      await bootc.bootCheck({ gate: healthy })
      const { healing, order } = await bootc.status()
      assert.equal(healing, undefined)
      assert.equal(
        order.find(({ entry }) => entry?.count !== undefined),
        undefined,
      )
    },
  },
  {
    name: 'a boot check after the fall-back',
    isTrial: true,
    async prepare(lab) {
      const once = await lab.boot((await finalized(lab, 2, { tries: 1 })).disks)
      await once.bootc.bootCheck({ gate: failing('no database') })
      return (await lab.boot(once.sysroot.disks)).sysroot
    },
    run: (bootc) => bootc.bootCheck({ gate: healthy }),
    versions: ['1'],
    async check({ bootc }) {
      await bootc.bootCheck({ gate: healthy })
      const { healing, order } = await bootc.status()
      assert.deepEqual(
        healing?.failed.map(({ version, reason }) => [version, reason]),
        [['2', 'no database']],
      )
      assert.equal(order.length, 1)
    },
  },
  {
    name: 'rollback of what is on trial',
    isTrial: true,
    prepare: async (lab) => (await lab.boot((await finalized(lab, 2, { tries })).disks)).sysroot,
    run: (bootc) => bootc.rollback(),
    versions: ['2', '1'],
    async check({ boot, bootc }) {
      const { booted } = await bootc.status()
      assert.equal(booted?.entry?.count !== undefined, boot.version === '2')
      assert.deepEqual((await bootc.bootCheck({ gate: healthy })).fellBackFrom, [])
    },
  },
]

const operations: readonly Operation[] = [
  {
    name: 'upgrade',
    prepare: (lab) => running(lab, 1),
    run: (bootc) => bootc.upgrade(),
    versions: ['1'],
  },
  {
    name: 'finalize',
    prepare: (lab) => staged(lab, 2),
    run: (bootc) => bootc.finalize(),
    versions: ['1', '2'],
  },
  {
    name: 'finalize with a new kernel',
    prepare: (lab) => staged(lab, 3),
    run: (bootc) => bootc.finalize(),
    versions: ['1', '3'],
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
  },
  {
    name: 'rollback',
    prepare: async (lab) => (await lab.boot((await finalized(lab, 2)).disks)).sysroot,
    run: (bootc) => bootc.rollback(),
    versions: ['2', '1'],
  },
  {
    name: 'switch',
    prepare: async (lab) => {
      lab.release(releaseImage(5), otherImage)
      return running(lab, 1)
    },
    run: (bootc) => bootc.switch(otherImage),
    versions: ['1'],
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
  },
  ...trialOperations,
]

/**
 * Cut the power before every write of every operation, with what was not synced lost in several ways. Each
 * state of the disks must boot the old or the new image with its /etc (and every other entry of the menu), then
 * take an upgrade, boot that, and hold no temporary files after the next prune.
 *
 * @returns counts, complete when the tests have run
 */
export function powerCutSuite(options: PowerCutSuiteOptions): PowerCutTally {
  const { test, name, minCuts = 100 } = options
  const tally: PowerCutTally = { cuts: 0, states: 0, writes: {} }
  group(options, `${name}: power cuts`, () => {
    for (const operation of operations) {
      const title = `${operation.name}: whatever a cut leaves boots, and upgrades again`
      test(title, () => tryOperation(options, operation, tally), timeoutMs)
    }
    const title = 'a cut in the middle of an installation: the same command finishes it'
    test(title, () => tryInstall(options, tally), timeoutMs)

    test(`at least ${minCuts} cuts were tried`, async () => {
      assert.ok(tally.cuts >= minCuts, `only ${tally.cuts} cuts`)
    })
  })
  return tally
}

async function tryOperation(
  options: PowerCutSuiteOptions,
  operation: Operation,
  tally: PowerCutTally,
): Promise<void> {
  const { every = 1, random = 2 } = options
  const lab = new Lab(options)
  if (operation.isTrial === true && !(await countsBoots(lab))) return
  const start = await operation.prepare(lab)
  const seen = new Set<string>()
  const booted = new Set<string>()
  const total = await countWrites(lab, operation, start)
  tally.writes[operation.name] = total
  for (let cut = 0; cut < total; cut += every) {
    const powered = await cutAt(lab, operation, start, cut)
    tally.cuts++
    for (const { name, disks } of await powered.survivors({ seed: cut + 1, random })) {
      const state = await fingerprint(disks)
      if (seen.has(state)) continue
      seen.add(state)
      tally.states++
      const where = `${operation.name}, cut before write ${cut} (after ${powered.before}), ${name}`
      await explained(where, async () => booted.add(await recover(lab, disks, operation)))
    }
  }
  // Otherwise the cuts missed the one visible step, and nothing was shown.
  assert.deepEqual([...booted].sort(), [...operation.versions].sort(), 'versions that booted after cuts')
}

async function tryInstall(options: PowerCutSuiteOptions, tally: PowerCutTally): Promise<void> {
  const lab = new Lab(options)
  lab.release(releaseImage(1))
  const empty = lab.emptySysroot()
  const operation = { name: 'install', run: (bootc: Bootc) => bootc.install({ source: followed }) }
  const total = await countWrites(lab, operation, empty)
  tally.writes['install'] = total
  const seen = new Set<string>()
  for (let cut = 0; cut < total; cut += options.every ?? 1) {
    const powered = await cutAt(lab, operation, empty, cut)
    tally.cuts++
    for (const { name, disks } of await powered.survivors({ seed: cut + 1, random: 1 })) {
      const state = await fingerprint(disks)
      if (seen.has(state)) continue
      seen.add(state)
      tally.states++
      const where = `install, cut before write ${cut} (after ${powered.before}), ${name}`
      await explained(where, async () => {
        await finishInstall(lab, operation, disks)
        const { boot, bootc, sysroot } = await lab.boot(disks)
        assert.equal(boot.version, '1')
        await bootc.prune()
        await assertClean(sysroot.disks)
      })
    }
  }
}

/** A machine in version 1, edited, with a newer image released. */
async function running(lab: Lab, version: number): Promise<MemorySysroot> {
  lab.release(releaseImage(version))
  const machine = await lab.boot(await lab.install())
  await editEtc(machine)
  lab.release(releaseImage(version + 1))
  return machine.sysroot
}

async function countsBoots(lab: Lab): Promise<boolean> {
  lab.release(releaseImage(1))
  const { bootc } = await lab.boot(await lab.install())
  return (await bootc.bootloader()).supports.bootCounting
}

type Trial = Parameters<typeof releaseImage>[1]

async function staged(lab: Lab, version: number, trial: Trial = {}): Promise<MemorySysroot> {
  const sysroot = await running(lab, 1)
  lab.release(releaseImage(version, trial))
  await (await lab.bootc(sysroot)).upgrade()
  return sysroot
}

async function finalized(lab: Lab, version: number, trial: Trial = {}): Promise<MemorySysroot> {
  const sysroot = await staged(lab, version, trial)
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

/** The last writes may never come: how many there are depends a little on checksums, which cover the time. */
const varyingWrites = 4

async function cutAt(
  lab: Lab,
  operation: Runnable,
  start: MemorySysroot,
  cut: number,
): Promise<PowerCutSysroot & { before: string }> {
  for (let at = cut; at >= 0 && at > cut - varyingWrites; at--) {
    const powered = powerCutSysroot(start)
    powered.supply.cutAfter(at)
    try {
      await operation.run(await lab.bootc(powered.sysroot))
    } catch (error) {
      // What is thrown after the cut does not matter: the machine is off.
      if (!powered.supply.isCut) throw error
    }
    if (powered.supply.isCut) return { ...powered, before: powered.supply.log.at(-1) ?? 'first write' }
  }
  assert.fail(`${operation.name} made fewer writes than before, the ${cut}th never came`)
}

async function finishInstall(lab: Lab, { run }: Runnable, disks: MemoryDisks): Promise<void> {
  try {
    await run(await lab.bootc(memorySysroot({ ...disks })))
  } catch (error) {
    // Everything was there already; that it boots is checked next.
    if (!isBootcError(error, 'SYSROOT_NOT_EMPTY')) throw error
  }
}

/** @returns the version that booted */
async function recover(lab: Lab, disks: MemoryDisks, operation: Operation): Promise<string> {
  const machine = await lab.boot(disks)
  const { version, menu } = machine.boot
  // Also what is not the default: somebody may choose it now.
  for (let entry = 1; entry < menu.length; entry++) await lab.wouldBoot(machine.sysroot, entry)
  assert.ok(operation.versions.includes(version), `version ${version} boots`)
  await assertMergedEtc(machine, version)
  await assertGrubMenu(machine.sysroot.boot.dir, machine.boot)
  await operation.check?.(machine)

  lab.release(releaseImage(4))
  assert.equal((await machine.bootc.upgrade()).outcome, 'staged')
  const next = await restart(lab, machine)
  assert.equal(next.boot.version, '4')
  await assertMergedEtc(next, '4')
  await assertGrubMenu(next.sysroot.boot.dir, next.boot)
  await next.bootc.prune()
  await assertClean(next.sysroot.disks)
  assert.deepEqual((await next.bootc.status()).orphans, [])
  return version
}

async function explained(where: string, run: () => Promise<unknown>): Promise<void> {
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
