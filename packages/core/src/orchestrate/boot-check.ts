import { BootcError, isBootcError } from '../errors.js'
import type { HealthReport } from '../health/types.js'
import type { BootCount, OpOptions, Warning } from '../interfaces/index.js'
import { withWriter, type Context, type Writer } from './context.js'
import type { HostEntry, HostState } from './host-state.js'
import { loadState } from './load.js'
import { requestReboot } from './reboot.js'
import { closeTrial, noteBoot, noteFinalizeFailure } from './trial-notes.js'
import { noHealing } from './trial-record.js'
import { trialOf } from './trial-judge.js'
import { settleTrials } from './trial-settle.js'
import { tryWriteHealing } from './trial-start.js'
import type {
  BootCheckOptions,
  BootCheckResult,
  FailedFacts,
  FinalizeFailure,
  HealingFacts,
  TrialVerdict,
} from './trial-types.js'

/**
 * Judge the running system. First what earlier boots came to is written down, and that this one came as far as its
 * check; then the gate runs, without any lock; then its verdict is written down, and only then others react to it.
 * That something cannot be written down is a warning: the gate has to run all the same.
 *
 * @throws BootcError `DEPLOY_NOT_BOOTED`; what marking the boot good throws
 */
export async function bootCheck(context: Context, options: BootCheckOptions): Promise<BootCheckResult> {
  const { gate, onlyReport = false } = options
  options.signal?.throwIfAborted()
  const opened = onlyReport ? await look(context) : await open(context, options)
  const report = await judged(gate, options)
  const closed = onlyReport
    ? noVerdict
    : await withWriter(context, options, (writer) => conclude(writer, report))
  const reactions = onlyReport ? [] : ((await gate.react?.(report.healthy, options)) ?? [])
  const reboot =
    options.reboot === true && !onlyReport
      ? await rebootWhenNeeded(context, closed, options)
      : { rebootRequested: false, warnings: [] }
  const { booted, ...facts } = opened
  const count = booted.entry?.count
  const result: BootCheckResult = {
    ...{ healthy: report.healthy, report, reactions },
    ...{ deployment: booted.id, verdict: closed.verdict },
    ...(count === undefined ? {} : { count }),
    ...facts,
    warnings: [...report.warnings, ...opened.warnings, ...closed.warnings, ...reboot.warnings],
    rebootRequested: reboot.rebootRequested,
  }
  log(context, result)
  return result
}

interface Opened {
  readonly booted: HostEntry
  readonly fellBackFrom: readonly FailedFacts[]
  readonly finalizeFailure?: FinalizeFailure
  readonly warnings: readonly Warning[]
}

async function look(context: Context): Promise<Opened> {
  const backends = await context.backends.current()
  const state = backends === undefined ? undefined : await loadState(context.sysroot, backends)
  const failure = state?.healing?.finalizeFailure
  return {
    booted: bootedOf(state),
    fellBackFrom: [],
    ...(failure === undefined ? {} : { finalizeFailure: failure }),
    warnings: [],
  }
}

/** What earlier boots came to. */
async function open(context: Context, options: OpOptions): Promise<Opened> {
  try {
    return await withWriter(context, options, async (first) => {
      const booted = bootedOf(first.state)
      const { writer, fellBackFrom, warnings } = await settleTrials(first, options)
      const healing = writer.state.healing ?? noHealing
      const bootId = await writer.sysroot.host.bootId()
      const failure = await noteFinalizeFailure(writer, healing, bootId)
      const begun =
        booted.entry?.count === undefined ? failure.healing : noteBoot(writer, failure.healing, bootId)
      const recorded = begun === healing ? [] : await tryWriteHealing(writer, begun)
      if (recorded.length === 0) await failure.forget()
      return {
        ...{ booted, fellBackFrom },
        ...(failure.report === undefined ? {} : { finalizeFailure: failure.report }),
        warnings: [...damaged(first.state.healing), ...warnings, ...recorded],
      }
    })
  } catch (error) {
    options.signal?.throwIfAborted()
    if (!isBootcError(error) || ['DEPLOY_NOT_BOOTED', 'SYSROOT_NOT_INITIALIZED'].includes(error.code))
      throw error
    const message = `what earlier boots came to was not written down: ${error.message}`
    const seen = await look(context)
    return { ...seen, warnings: [...seen.warnings, { code: 'trial:not-recorded', message }] }
  }
}

/** A gate that cannot judge has not passed anything. */
async function judged(gate: BootCheckOptions['gate'], options: OpOptions): Promise<HealthReport> {
  try {
    return await gate.check(options)
  } catch (error) {
    options.signal?.throwIfAborted()
    const message = error instanceof Error ? error.message : String(error)
    return {
      healthy: false,
      checks: [],
      warnings: [],
      reason: `the health checks could not be run: ${message}`,
    }
  }
}

interface Concluded {
  readonly verdict: TrialVerdict
  /** Whether starting again can change anything. */
  readonly shouldReboot: boolean
  readonly warnings: readonly Warning[]
}

const noVerdict: Concluded = { verdict: 'none', shouldReboot: false, warnings: [] }

/** Write the verdict down. The state is read again: the checks may have taken minutes. */
async function conclude(writer: Writer, report: HealthReport): Promise<Concluded> {
  const { state, loader, lock } = writer
  const booted = bootedOf(state)
  const healing = state.healing ?? noHealing
  const count = booted.entry?.count
  if (report.healthy) {
    // The loader first: with the record alone, a power cut would leave a good system on trial.
    if (count !== undefined && booted.entry !== undefined) await loader.markGood?.(booted.entry, lock)
    const after = closeTrial(healing, booted)
    const warnings = after === healing ? [] : await tryWriteHealing(writer, after)
    return { verdict: count === undefined ? 'none' : 'passed', shouldReboot: false, warnings }
  }
  if (count === undefined) return noVerdict
  const bootId = await writer.sysroot.host.bootId()
  const after = noteBoot(writer, healing, bootId, report.reason ?? 'not healthy')
  const recorded = await tryWriteHealing(writer, after)
  const hopeless = whyHopeless(state, after, booted, count)
  return {
    verdict: count.left === 0 ? 'last-try-failed' : 'retry',
    shouldReboot: hopeless === undefined,
    warnings: [...recorded, ...(hopeless === undefined ? [] : [hopeless])],
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

async function rebootWhenNeeded(
  { sysroot }: Context,
  { shouldReboot }: Concluded,
  options: OpOptions,
): Promise<{ rebootRequested: boolean; warnings: readonly Warning[] }> {
  return shouldReboot ? requestReboot(sysroot, options) : { rebootRequested: false, warnings: [] }
}

function bootedOf(state: HostState | undefined): HostEntry {
  if (state?.booted !== undefined) return state.booted
  throw new BootcError('DEPLOY_NOT_BOOTED', 'System not booted via bootc')
}

function damaged(healing: HealingFacts | undefined): readonly Warning[] {
  if (healing?.problem === undefined) return []
  const message = `the record of trials ${healing.problem}; what failed before is forgotten`
  return [{ code: 'trial:record-damaged', message }]
}

function log(
  { log }: Context,
  { healthy, report, verdict, fellBackFrom, finalizeFailure }: BootCheckResult,
): void {
  for (const { reason, deployment } of fellBackFrom)
    log.info('fell back from a failed update', { deployment, reason })
  if (finalizeFailure !== undefined) log.info('the last update was not finalized', { ...finalizeFailure })
  log.info(healthy ? 'this boot is healthy' : 'this boot is not healthy', { verdict, reason: report.reason })
}
