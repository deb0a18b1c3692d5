import { BootcError } from '../errors.js'
import { mergeEtc, planEtcMerge, type EtcMergeReport, type EtcOptions } from '../etc-merge/index.js'
import type { DeploymentId, DeploymentStore, OpOptions, Warning } from '../interfaces/index.js'
import type { Writer } from './context.js'
import type { EtcSummary } from './types.js'

export interface EtcOutcome {
  /** Absent where there was nothing to carry over. */
  readonly etc?: EtcSummary
  readonly warnings: readonly Warning[]
}

/**
 * See what the three-way merge of /etc will do, before anything is staged: at shutdown it would be too late
 * to tell anybody.
 *
 * @throws BootcError `DEPLOY_ETC_CONFLICT` for what the merge itself would fail on
 */
export async function checkEtc(
  { store }: Writer,
  fresh: DeploymentId,
  base: DeploymentId,
  options: OpOptions,
): Promise<EtcOutcome> {
  const { deployments } = store
  const current = await deployments.currentEtc(base)
  if (current === undefined) return { warnings: [] }
  const trees = {
    pristine: await deployments.defaults(base),
    current,
    fresh: await deployments.defaults(fresh),
  }
  const report = await planEtcMerge(trees, mergeOptions(deployments, options))
  if (report.conflicts.length > 0) {
    const message = report.conflicts.map((conflict) => conflict.message).join('; ')
    throw new BootcError('DEPLOY_ETC_CONFLICT', message, { details: { conflicts: report.conflicts } })
  }
  return outcomeOf(report)
}

/** Seed the /etc of a deployment afresh and carry local changes of its base over. Repeatable from the start. */
export async function carryEtc(
  { store, lock }: Writer,
  fresh: DeploymentId,
  base: DeploymentId | undefined,
  options: OpOptions,
): Promise<EtcOutcome> {
  const { deployments } = store
  const target = await deployments.resetEtc(fresh, lock)
  const current = base === undefined ? undefined : await deployments.currentEtc(base)
  if (base === undefined || current === undefined) return { warnings: [] }
  const pristine = await deployments.defaults(base)
  const report = await mergeEtc({ pristine, current, target }, mergeOptions(deployments, options))
  const outcome = outcomeOf(report)
  options.onProgress?.({ type: 'deploy:etc-merge', detail: outcome.etc })
  return outcome
}

function outcomeOf(report: EtcMergeReport): EtcOutcome & { etc: EtcSummary } {
  const { modified, removed, added, shadowed, skipped } = report
  const etc = { modified: modified.length, removed: removed.length, added: added.length }
  return {
    etc,
    warnings: [
      ...listed('etc:shadowed', 'changed here and in the new image, so the local version stays', shadowed),
      ...listed('etc:skipped', 'not carried over', skipped),
    ],
  }
}

function listed(code: string, what: string, paths: readonly string[]): Warning[] {
  if (paths.length === 0) return []
  const [first, ...more] = paths
  const others = more.length === 0 ? '' : ` and ${more.length} more`
  return [{ code, message: `/etc/${first as string}${others}: ${what}`, details: { paths } }]
}

/** Whose rules: those of the tools that share the store's deployments. */
function mergeOptions({ supports }: DeploymentStore, { signal }: OpOptions): EtcOptions {
  return {
    ...(supports.etcPolicy === undefined ? {} : { policy: supports.etcPolicy }),
    ...(signal === undefined ? {} : { signal }),
  }
}
