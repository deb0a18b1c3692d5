import type { DeploymentId, OpOptions, Warning } from '../interfaces/index.js'
import type { Writer } from './context.js'
import type { EtcSummary } from './types.js'

/**
 * See what the three-way merge of /etc will do, before anything is staged.
 *
 * @throws BootcError `DEPLOY_ETC_CONFLICT` for what the merge itself would fail on
 */
export async function checkEtc(
  { store }: Writer,
  fresh: DeploymentId,
  base: DeploymentId | undefined,
): Promise<{ etc?: EtcSummary; warnings: Warning[] }> {
  void store
  void fresh
  void base
  return { warnings: [] }
}

export async function carryEtc(
  { store, lock }: Writer,
  fresh: DeploymentId,
  base: DeploymentId | undefined,
  options: OpOptions,
): Promise<{ etc?: EtcSummary; warnings: Warning[] }> {
  void options
  void base
  await store.deployments.resetEtc(fresh, lock)
  return { warnings: [] }
}
