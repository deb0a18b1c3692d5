import { BootcError } from '../errors.js'
import type { Warning } from '../interfaces/index.js'
import { afterwards, announce } from './announce.js'
import { assertBooted, withWriter, type Context, type Writer } from './context.js'
import type { HostEntry } from './host-state.js'
import { pruneAfterwards } from './prune.js'
import { rebootInto } from './reboot-into.js'
import { rollbackOrder } from './retention.js'
import { tryWriteHealing, turnTrials } from './trial-start.js'
import type { RollbackOptions, RollbackResult } from './types.js'
import { checkBootRoom, planOrder, writeOrder } from './write-order.js'

/**
 * `bootc rollback`: let the other deployment boot next; a second time takes it back. No new deployment, no
 * merge of /etc: the target's own is used as it was left.
 *
 * @throws BootcError `DEPLOY_NO_ROLLBACK`, `DEPLOY_ROLLBACK_NOT_IMAGE`, `DEPLOY_STAGED`
 */
export function rollback(context: Context, options: RollbackOptions): Promise<RollbackResult> {
  return withWriter(context, options, async (writer) => {
    assertBooted(writer)
    const { state, store, lock, sysroot } = writer
    const { anchor, rollback: other } = rollbackPair(writer)
    const discarded = stagedToDiscard(writer, options)

    const queued = state.rollbackQueued
    const order = rollbackOrder(state.order, anchor, other, queued)
    const { counts, record } = await turnTrials(writer, order)
    const plan = await planOrder(writer, order, counts)
    await checkBootRoom(writer, plan)
    options.signal?.throwIfAborted()
    // A staged deployment would undo the new order at shutdown, so it goes first.
    if (discarded !== undefined) await store.deployments.setStaged(undefined, lock)
    const recorded = record === undefined ? [] : await tryWriteHealing(writer, record)
    await writeOrder(writer, plan, options)

    const next = queued ? anchor : other
    const warnings: Warning[] = await afterwards(() =>
      announce(sysroot, next.deployment.image?.manifestDigest),
    )
    warnings.push(...recorded)
    warnings.push(
      ...(await pruneAfterwards(writer, { ...options, images: discarded !== undefined })).warnings,
    )
    const { apply } = options
    const softReboot = queued ? undefined : options.softReboot
    const reboot = await rebootInto(writer, next.id, { apply, softReboot }, options)
    return {
      next: queued ? 'current' : 'rollback',
      reverted: queued,
      deployment: next.id,
      ...(discarded === undefined ? {} : { discardedStaged: discarded }),
      ...reboot,
      warnings: [...warnings, ...reboot.warnings],
    }
  })
}

function rollbackPair({ state }: Writer): { anchor: HostEntry; rollback: HostEntry } {
  const { anchor, rollback: other } = state
  if (anchor === undefined || other === undefined) {
    throw new BootcError('DEPLOY_NO_ROLLBACK', 'No rollback available')
  }
  if (other.deployment.image === undefined) {
    throw new BootcError('DEPLOY_ROLLBACK_NOT_IMAGE', 'Rollback is not container image based', {
      details: { deployment: other.id },
    })
  }
  return { anchor, rollback: other }
}

function stagedToDiscard({ state }: Writer, options: RollbackOptions): string | undefined {
  const staged = state.stagedRecord?.id
  if (staged === undefined || options.discardStaged === true) return staged
  throw new BootcError('DEPLOY_STAGED', `deployment ${staged} is staged; a rollback would discard it`, {
    details: { deployment: staged },
  })
}
