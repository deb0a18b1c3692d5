import assert from 'node:assert/strict'
import { BootcError, isBootcError, type Bootc } from '@bootc-sdk/core'
import { powerCutSysroot, type MemorySysroot } from '@bootc-sdk/core/testing'
import { editEtc, Lab, restart, type Pair, type Running } from './machine.js'
import { assertClean, assertMergedEtc } from './pair-checks.js'
import { releaseImage } from './release-image.js'
import { group, type Runner } from './runner.js'

export interface FullDiskSuiteOptions extends Runner, Pair {
  /** For test names. */
  readonly name: string
  /** Try every Nth write only; default 1. */
  readonly every?: number
}

const timeoutMs = 600_000

/**
 * Let every write of an operation fail in turn for want of space, with room again afterwards for what cleans
 * up. The failure is told by an error of ours (or, after the visible step, by a warning), the old or the new
 * image boots, and the same command succeeds when it is repeated.
 */
export function fullDiskSuite(options: FullDiskSuiteOptions): void {
  const { test, name } = options
  group(options, `${name}: full disks`, () => {
    test(
      'upgrade: nothing that boots changes, and the same command succeeds afterwards',
      async () => {
        const lab = new Lab(options)
        const start = await edited(lab)
        await forEveryWrite(lab, start, options, upgrade, async (sysroot, where) => {
          assert.equal((await lab.wouldBoot(sysroot)).version, '1', where)
          const bootc = await lab.bootc(sysroot)
          const { outcome } = await bootc.upgrade()
          assert.ok(outcome === 'staged' || outcome === 'already-staged', `${where}: ${outcome}`)
          await finish(lab, sysroot, bootc, where)
        })
      },
      timeoutMs,
    )

    test(
      'finalize: the old or the new image boots, and finalize can be repeated',
      async () => {
        const lab = new Lab(options)
        const start = await edited(lab)
        await (await lab.bootc(start)).upgrade()
        await forEveryWrite(lab, start, options, finalize, async (sysroot, where) => {
          const { version } = await lab.wouldBoot(sysroot)
          assert.ok(['1', '2'].includes(version), where)
          await finish(lab, sysroot, await lab.bootc(sysroot), where)
        })
      },
      timeoutMs,
    )
  })
}

const upgrade = (bootc: Bootc) => bootc.upgrade()
const finalize = (bootc: Bootc) => bootc.finalize()

async function edited(lab: Lab): Promise<MemorySysroot> {
  lab.release(releaseImage(1))
  const machine = await lab.boot(await lab.install())
  await editEtc(machine)
  lab.release(releaseImage(2))
  return machine.sysroot
}

async function forEveryWrite(
  lab: Lab,
  start: MemorySysroot,
  { every = 1 }: FullDiskSuiteOptions,
  run: (bootc: Bootc) => Promise<{ readonly warnings: readonly unknown[] }>,
  check: (sysroot: MemorySysroot, where: string) => Promise<void>,
): Promise<void> {
  const whole = powerCutSysroot(start)
  await run(await lab.bootc(whole.sysroot))
  for (let write = 0; write < whole.supply.writes; write += every) {
    // Taking away needs no room.
    if (/^(?:remove|sync|freeze|thaw)/.test(whole.supply.log[write] ?? '')) continue
    const { sysroot, supply } = powerCutSysroot(start)
    supply.failAt(write, () => new BootcError('TREE_NO_SPACE', 'no space left'))
    try {
      await run(await lab.bootc(sysroot))
    } catch (error) {
      if (!isBootcError(error)) throw new Error(`write ${write} gave no error of ours`, { cause: error })
    }
    const where = `write ${write} (${supply.log[write]}) failed`
    try {
      await check(sysroot, where)
    } catch (error) {
      throw new Error(`${where}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
    }
  }
}

async function finish(lab: Lab, sysroot: MemorySysroot, bootc: Bootc, where: string): Promise<void> {
  const boot = await lab.wouldBoot(sysroot)
  const machine: Running = { boot, sysroot, bootc }
  const next = await restart(lab, machine)
  assert.equal(next.boot.version, '2', where)
  await assertMergedEtc(next, '2')
  await next.bootc.prune()
  await assertClean(next.sysroot.disks)
  assert.deepEqual((await next.bootc.status()).orphans, [])
}
