import assert from 'node:assert/strict'
import { BootcError, type Bootloader, type Provider } from '@bootc-sdk/core'
import type { HealthGate } from '@bootc-sdk/core/health'
import { rejectsWith } from './checks.js'
import { editEtc, Lab, restart, type Pair, type Running } from './machine.js'
import { assertClean, assertMergedEtc } from './pair-checks.js'
import { releaseImage } from './release-image.js'
import { group, type Runner } from './runner.js'

export interface HealingSuiteOptions extends Runner, Pair {
  /** For test names. */
  readonly name: string
}

export const healthy: HealthGate = { check: async () => ({ healthy: true, checks: [], warnings: [] }) }

export function failing(reason: string): HealthGate {
  return { check: async () => ({ healthy: false, checks: [], warnings: [], reason }) }
}

/**
 * Trial boots on one store and one loader: what passes stays, what fails falls back by the loader alone, and the
 * machine knows what happened. With a loader that cannot count, updates are as ever and say so.
 */
export function healingSuite(options: HealingSuiteOptions): void {
  const { name } = options
  const tries = 2

  /** Version 1 runs, version 2 is about to boot, on trial where the loader can count. */
  const updated = async (): Promise<{ lab: Lab; first: Running; counts: boolean }> => {
    const lab = new Lab(options)
    lab.release(releaseImage(1))
    const first = await lab.boot(await lab.install())
    await editEtc(first)
    lab.release(releaseImage(2, { tries }))
    const { warnings } = await first.bootc.upgrade()
    const { supports } = await first.bootc.bootloader()
    const codes = warnings.map(({ code }) => code)
    assert.equal(codes.includes('trial:no-counting'), !supports.bootCounting, 'a warning without counting')
    await first.bootc.finalize()
    return { lab, first, counts: supports.bootCounting }
  }
  const test = (title: string, run: (lab: Lab, first: Running) => Promise<void>): void => {
    options.test(title, async () => {
      const { lab, first, counts } = await updated()
      if (counts) return run(lab, first)
      const second = await lab.boot(first.sysroot.disks)
      assert.equal(second.boot.version, '2')
      assert.equal((await second.bootc.status()).healing, undefined)
    })
  }
  /** Boot and expect a version. */
  const boot = async (lab: Lab, { sysroot }: Running, version: string, entry = 0): Promise<Running> => {
    const running = await lab.boot(sysroot.disks, entry)
    assert.equal(running.boot.version, version)
    return running
  }
  const fellBack = async (lab: Lab, first: Running): Promise<Running> => {
    const once = await boot(lab, first, '2')
    const twice = await boot(lab, once, '2')
    return boot(lab, twice, '1')
  }
  const countsOf = async ({ bootc }: Running) =>
    (await bootc.status()).order.map(({ entry }) => entry?.count ?? null)

  group(options, `${name}: healing`, () => {
    test('a new default has its tries, and the fallback none', async (lab, first) => {
      assert.deepEqual(await countsOf(first), [{ left: tries, done: 0 }, null])
      const second = await boot(lab, first, '2')
      assert.deepEqual(await countsOf(second), [{ left: 1, done: 1 }, null])
      assert.equal((await lab.wouldBoot(second.sysroot, 1)).version, '1')
    })

    test('what passes its check stays, however often the machine starts', async (lab, first) => {
      let running = await boot(lab, first, '2')
      assert.equal((await running.bootc.bootCheck({ gate: healthy })).verdict, 'passed')
      assert.deepEqual(await countsOf(running), [null, null])
      for (let i = 0; i < tries + 2; i++) running = await boot(lab, running, '2')
      const again = await running.bootc.bootCheck({ gate: healthy })
      assert.deepEqual([again.verdict, again.fellBackFrom], ['none', []])
      assert.equal((await running.bootc.status()).healing, undefined)
      await assertMergedEtc(running, '2')
    })

    test('passing on the last try is as good as on the first', async (lab, first) => {
      const last = await boot(lab, await boot(lab, first, '2'), '2')
      const result = await last.bootc.bootCheck({ gate: healthy })
      assert.deepEqual([result.verdict, result.count?.left], ['passed', 0])
      await boot(lab, await boot(lab, last, '2'), '2')
    })

    test('what fails its check falls back, and is out of the menu with its reason on record', async (lab, first) => {
      let running = await boot(lab, first, '2')
      assert.equal((await running.bootc.bootCheck({ gate: failing('first') })).verdict, 'retry')
      running = await boot(lab, running, '2')
      assert.equal((await running.bootc.bootCheck({ gate: failing('second') })).verdict, 'last-try-failed')
      running = await boot(lab, running, '1')
      await assertMergedEtc(running, '1')
      const { fellBackFrom, verdict } = await running.bootc.bootCheck({ gate: healthy })
      assert.equal(verdict, 'none')
      assert.deepEqual(
        fellBackFrom.map(({ version, reason, boots }) => [version, reason, boots]),
        [['2', 'second', tries]],
      )
      const { order, orphans, healing } = await running.bootc.status()
      assert.deepEqual([order.length, orphans.length, healing?.trials.length], [1, 0, 0])
      assert.equal((await lab.wouldBoot(running.sysroot)).menu.length, 1)
      await assertClean(running.sysroot.disks)
      assert.equal((await running.bootc.upgrade()).outcome, 'known-bad')
      await boot(lab, running, '1')
    })

    test('what never comes as far as its check falls back too', async (lab, first) => {
      const back = await fellBack(lab, first)
      const { fellBackFrom } = await back.bootc.bootCheck({ gate: healthy })
      assert.match(fellBackFrom[0]?.reason ?? '', /^never reached its health check in 2 boots$/)
      assert.deepEqual((await back.bootc.bootCheck({ gate: healthy })).fellBackFrom, [])
    })

    test('an update that comes before the check of the fallback knows what failed', async (lab, first) => {
      const back = await fellBack(lab, first)
      assert.equal((await back.bootc.upgrade()).outcome, 'known-bad')
      assert.equal((await back.bootc.status()).order.length, 1)
    })

    test('after a failure a newer image is taken, on trial as well, and passes', async (lab, first) => {
      const back = await fellBack(lab, first)
      await back.bootc.bootCheck({ gate: healthy })
      lab.release(releaseImage(3, { tries }))
      assert.equal((await back.bootc.upgrade()).outcome, 'staged')
      const third = await restart(lab, back)
      assert.equal(third.boot.version, '3')
      assert.deepEqual(await countsOf(third), [{ left: 1, done: 1 }, null])
      assert.equal((await third.bootc.bootCheck({ gate: healthy })).verdict, 'passed')
      const next = await boot(lab, await boot(lab, third, '3'), '3')
      await assertMergedEtc(next, '3')
      assert.equal((await next.bootc.status()).healing?.failed.length, 1)
    })

    test('what failed is tried again when told to', async (lab, first) => {
      const back = await fellBack(lab, first)
      const { outcome } = await back.bootc.upgrade({ retryFailed: true })
      assert.equal(outcome, 'staged')
      const again = await restart(lab, back)
      assert.equal(again.boot.version, '2')
      assert.deepEqual(await countsOf(again), [{ left: 1, done: 1 }, null])
      assert.equal((await again.bootc.bootCheck({ gate: healthy })).verdict, 'passed')
      assert.equal((await again.bootc.status()).healing, undefined)
    })

    test('the old system chosen in the menu is no verdict', async (lab, first) => {
      const old = await boot(lab, first, '1', 1)
      assert.deepEqual((await old.bootc.bootCheck({ gate: healthy })).fellBackFrom, [])
      assert.equal((await old.bootc.status()).order.length, 2)
      const second = await boot(lab, old, '2')
      assert.equal((await second.bootc.bootCheck({ gate: healthy })).verdict, 'passed')
    })

    test('a rollback ends the counting for both, and stays', async (lab, first) => {
      const second = await boot(lab, first, '2')
      await second.bootc.rollback()
      assert.deepEqual(await countsOf(second), [null, null])
      let old = await boot(lab, second, '1')
      for (let i = 0; i < tries + 1; i++) old = await boot(lab, old, '1')
      assert.deepEqual((await old.bootc.bootCheck({ gate: healthy })).fellBackFrom, [])
      assert.equal((await lab.wouldBoot(old.sysroot, 1)).version, '2')
      await old.bootc.rollback()
      const resumed = await boot(lab, old, '2')
      assert.deepEqual((await resumed.bootc.status()).booted?.entry?.count, { left: 0, done: 2 })
    })

    test('what passed once is not on trial again after a rollback and back', async (lab, first) => {
      const second = await boot(lab, first, '2')
      await second.bootc.bootCheck({ gate: healthy })
      await second.bootc.rollback()
      const old = await boot(lab, second, '1')
      await old.bootc.rollback()
      const again = await boot(lab, old, '2')
      assert.deepEqual(await countsOf(again), [null, null])
    })

    test('an update over one that is on trial falls back to what is known to work', async (lab, first) => {
      const second = await boot(lab, first, '2')
      lab.release(releaseImage(3, { tries: 1 }))
      await second.bootc.upgrade()
      const third = await restart(lab, second)
      assert.equal(third.boot.version, '3')
      await boot(lab, third, '1')
    })

    test('a failed finalize is told at the next boot, once', async (lab, first) => {
      const second = await boot(lab, first, '2')
      await second.bootc.bootCheck({ gate: healthy })
      lab.release(releaseImage(4))
      await second.bootc.upgrade()
      const bootloader = () => withBrokenSwitch(options.bootloader())
      const broken = await new Lab({ ...options, bootloader }).bootc(second.sysroot)
      await rejectsWith(/^TREE_IO$/, () => broken.finalize())
      const after = await boot(lab, second, '2')
      const told = await after.bootc.bootCheck({ gate: healthy })
      assert.equal(told.finalizeFailure?.message, 'the switch is broken')
      const later = await boot(lab, after, '2')
      assert.equal((await later.bootc.bootCheck({ gate: healthy })).finalizeFailure, undefined)
      assert.equal((await later.bootc.status()).healing, undefined)
    })
  })
}

function withBrokenSwitch(whole: Provider<Bootloader>): Provider<Bootloader> {
  const commit = () => Promise.reject(new BootcError('TREE_IO', 'the switch is broken'))
  return { ...whole, open: async (sysroot) => ({ ...(await whole.open(sysroot)), commit }) }
}
