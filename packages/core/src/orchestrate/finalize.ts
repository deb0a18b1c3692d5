import { BootcError } from '../errors.js'
import type { OpOptions } from '../interfaces/index.js'
import { withWriter, type Context, type Writer } from './context.js'
import { completeDeployment, newEntry } from './deploy.js'
import type { HostEntry } from './host-state.js'
import { forgetFinalizeFailure, leaveFinalizeFailure } from './finalize-failure.js'
import { pruneAfterwards } from './prune.js'
import { renewSoftReboot } from './soft-reboot-queue.js'
import type { FinalizeResult } from './types.js'

/**
 * Make the staged deployment the default: merge /etc, seal it, links, boot entries, and forget that it was
 * staged. Every step before the loader's commit is invisible to the next boot and can be repeated; when the
 * commit was reached but not the forgetting, a repetition only forgets.
 */
export function finalizeStaged(context: Context, options: OpOptions): Promise<FinalizeResult> {
  return withWriter(context, options, async (writer) => {
    try {
      return await finalizeLocked(writer, options)
    } catch (error) {
      options.signal?.throwIfAborted()
      await leaveFinalizeFailure(writer, error)
      throw error
    }
  })
}

async function finalizeLocked(writer: Writer, options: OpOptions): Promise<FinalizeResult> {
  const { store, state, lock } = writer
  const record = state.stagedRecord
  if (record === undefined) return { outcome: 'nothing-staged', warnings: [] }
  if (record.locked) return { outcome: 'locked', deployment: record.id, warnings: [] }

  const warnings = []
  let etc: FinalizeResult['etc']
  if (!state.order.some(({ id }) => id === record.id)) {
    const staged = stagedEntry(writer)
    const base = baseOf(writer, record.mergeFrom)
    const entry = newEntry(staged.deployment, staged)
    const carried = await completeDeployment(writer, entry, base?.id, options)
    etc = carried.etc
    warnings.push(...carried.warnings)
  }
  await store.deployments.setStaged(undefined, lock)
  warnings.push(...(await renewSoftReboot(writer, record.id)))
  warnings.push(...(await forgetFinalizeFailure(writer)))
  const { warnings: pruneWarnings } = await pruneAfterwards(writer, options)
  warnings.push(...pruneWarnings)
  return { outcome: 'finalized', deployment: record.id, ...(etc === undefined ? {} : { etc }), warnings }
}

function stagedEntry({ state }: Writer): HostEntry {
  const entry = state.staged ?? state.others.find(({ staged }) => staged)
  if (entry !== undefined) return entry
  throw new BootcError('DEPLOY_STAGED_MISSING', 'the staged deployment is not on disk')
}

/** The deployment to inherit from; without it /etc would silently start from defaults, so it must be there. */
function baseOf({ state }: Writer, id: string | undefined): HostEntry | undefined {
  if (id === undefined) return undefined
  const base = [...state.order, state.booted].find((entry) => entry?.id === id)
  if (base !== undefined) return base
  throw new BootcError('DEPLOY_MERGE_BASE_MISSING', `deployment ${id}, to inherit /etc from, is gone`, {
    details: { deployment: id },
  })
}
