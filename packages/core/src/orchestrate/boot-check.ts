import { isBootcError } from '../errors.js'
import type { HealthReport, HealthRun } from '../health/types.js'
import type { OpOptions, Warning } from '../interfaces/index.js'
import { withWriter, type Context } from './context.js'
import type { HostEntry } from './host-state.js'
import { requestReboot } from './reboot.js'
import { noteBoot, noteFinalizeFailure } from './trial-notes.js'
import { noHealing } from './trial-record.js'
import { settleTrials } from './trial-settle.js'
import { tryWriteHealing } from './trial-start.js'
import { bootedOf, conclude, noVerdict, stateOf, type Concluded } from './trial-verdict.js'
import type {
  BootCheckOptions,
  BootCheckResult,
  FailedFacts,
  FinalizeFailure,
  HealingFacts,
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
  const closed = onlyReport ? noVerdict : await conclude(context, report, options)
  const { runs: reactions, warnings } = onlyReport ? noReactions : await react(gate, report, options)
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
    warnings: [...report.warnings, ...opened.warnings, ...closed.warnings, ...warnings, ...reboot.warnings],
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
  const state = await stateOf(context)
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

interface Reactions {
  readonly runs: readonly HealthRun[]
  readonly warnings: readonly Warning[]
}

const noReactions: Reactions = { runs: [], warnings: [] }

/** Whatever others do about the verdict, it stands. */
async function react(
  gate: BootCheckOptions['gate'],
  { healthy }: HealthReport,
  options: OpOptions,
): Promise<Reactions> {
  try {
    return { runs: (await gate.react?.(healthy, options)) ?? [], warnings: [] }
  } catch (error) {
    options.signal?.throwIfAborted()
    const message = error instanceof Error ? error.message : String(error)
    return {
      runs: [],
      warnings: [{ code: 'health:reactions', message: `reactions did not run: ${message}` }],
    }
  }
}

async function rebootWhenNeeded(
  { sysroot }: Context,
  { shouldReboot }: Concluded,
  options: OpOptions,
): Promise<{ rebootRequested: boolean; warnings: readonly Warning[] }> {
  return shouldReboot ? requestReboot(sysroot, options) : { rebootRequested: false, warnings: [] }
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
