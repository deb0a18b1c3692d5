import { BootcError, isBootcError } from '../errors.js'
import type { HealthReport } from '../health/types.js'
import type { BootCount, OpOptions, Warning } from '../interfaces/index.js'
import { withWriter, type Context, type Writer } from './context.js'
import type { HostEntry, HostState } from './host-state.js'
import { loadState } from './load.js'
import { trialOf } from './trial-judge.js'
import { closeTrial, noteBoot } from './trial-notes.js'
import { noHealing } from './trial-record.js'
import { tryWriteHealing } from './trial-start.js'
import type { HealingFacts, TrialVerdict } from './trial-types.js'

export interface Concluded {
  readonly verdict: TrialVerdict
  /** Whether starting again can change anything. */
  readonly shouldReboot: boolean
  readonly warnings: readonly Warning[]
}

export const noVerdict: Concluded = { verdict: 'none', shouldReboot: false, warnings: [] }

/** Write the verdict down. The state is read again: the checks may have taken minutes. */
export async function conclude(
  context: Context,
  report: HealthReport,
  options: OpOptions,
): Promise<Concluded> {
  if (report.healthy) return withWriter(context, options, passed)
  try {
    return await withWriter(context, options, (writer) => failed(writer, report))
  } catch (error) {
    options.signal?.throwIfAborted()
    // A disk that takes no writes may be what is wrong; the machine has to start again all the same.
    if (!isBootcError(error)) throw error
    const state = await stateOf(context)
    const message = `why this boot failed was not written down: ${error.message}`
    return verdictOn(state, state?.healing ?? noHealing, [{ code: 'trial:not-recorded', message }])
  }
}

async function passed(writer: Writer): Promise<Concluded> {
  const { state, loader, lock } = writer
  const booted = bootedOf(state)
  const healing = state.healing ?? noHealing
  const count = booted.entry?.count
  // The loader first: with the record alone, a power cut would leave a good system on trial.
  if (count !== undefined && booted.entry !== undefined) await loader.markGood?.(booted.entry, lock)
  const after = closeTrial(healing, booted)
  const warnings = after === healing ? [] : await tryWriteHealing(writer, after)
  return { verdict: count === undefined ? 'none' : 'passed', shouldReboot: false, warnings }
}

async function failed(writer: Writer, { reason = 'not healthy' }: HealthReport): Promise<Concluded> {
  const { state } = writer
  if (bootedOf(state).entry?.count === undefined) return noVerdict
  const after = noteBoot(writer, state.healing ?? noHealing, await writer.sysroot.host.bootId(), reason)
  return verdictOn(state, after, await tryWriteHealing(writer, after))
}

function verdictOn(
  state: HostState | undefined,
  healing: HealingFacts,
  warnings: readonly Warning[],
): Concluded {
  const booted = state?.booted
  const count = booted?.entry?.count
  if (state === undefined || booted === undefined || count === undefined) return { ...noVerdict, warnings }
  const hopeless = whyHopeless(state, healing, booted, count)
  return {
    verdict: count.left === 0 ? 'last-try-failed' : 'retry',
    shouldReboot: hopeless === undefined,
    warnings: [...warnings, ...(hopeless === undefined ? [] : [hopeless])],
  }
}

/** Starting again for ever would be worse than a system that half works. */
function whyHopeless(
  { order }: HostState,
  healing: HealingFacts,
  { id }: HostEntry,
  count: BootCount,
): Warning | undefined {
  if (!order.some((entry) => entry.id !== id && entry.entry?.count?.left !== 0)) {
    const message = 'nothing is there to fall back to, so the machine stays as it is'
    return { code: 'trial:no-fallback', message }
  }
  const trial = trialOf(healing, id)
  if (count.left > 0 || trial === undefined || trial.boots.length <= trial.tries) return undefined
  const message = `the boot loader starts it again after ${trial.boots.length} failed boots, so the machine stays as it is`
  return { code: 'trial:no-fallback', message }
}

export async function stateOf(context: Context): Promise<HostState | undefined> {
  const backends = await context.backends.current()
  return backends === undefined ? undefined : loadState(context.sysroot, backends)
}

export function bootedOf(state: HostState | undefined): HostEntry {
  if (state?.booted !== undefined) return state.booted
  throw new BootcError('DEPLOY_NOT_BOOTED', 'System not booted via bootc')
}
