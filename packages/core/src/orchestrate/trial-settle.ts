import type { OpOptions, Warning } from '../interfaces/index.js'
import type { Writer } from './context.js'
import type { HostState } from './host-state.js'
import { loadState } from './load.js'
import { pruneAfterwards } from './prune.js'
import { writeHealing } from './trial-file.js'
import { judgeTrials } from './trial-judge.js'
import { noHealing } from './trial-record.js'
import { timeOf } from './trial-start.js'
import type { FailedFacts, HealingFacts } from './trial-types.js'
import { checkBootRoom, planOrder, writeOrder } from './write-order.js'

export interface Settled<W extends Writer = Writer> {
  /** With the state as it is now. */
  readonly writer: W
  readonly fellBackFrom: readonly FailedFacts[]
  readonly warnings: readonly Warning[]
}

/**
 * Bring record and boot entries together: what the loader has given up on is recorded as failed, then leaves the boot
 * order, so that neither a rollback nor the next new list boots it again. The verdict is written before the order
 * changes; after a power cut between the two the next look does the rest.
 */
export async function settleTrials(writer: Writer, options: OpOptions): Promise<Settled> {
  const { state, sysroot } = writer
  const healing = state.healing ?? noHealing
  const { drop, fellBackFrom, ...facts } = judgeTrials(state, healing, timeOf(writer))
  const isRecordChanged = fellBackFrom.length > 0 || facts.trials.length !== healing.trials.length
  if (!isRecordChanged && drop.length === 0) return { writer, fellBackFrom, warnings: [] }
  options.signal?.throwIfAborted()
  if (isRecordChanged) await writeHealing(writer.lock, merged(healing, facts))
  const warnings = await dropEntries(writer, drop, options)
  const after = await loadState(sysroot, writer)
  return { writer: { ...writer, state: after }, fellBackFrom, warnings }
}

function merged(healing: HealingFacts, facts: Pick<HealingFacts, 'trials' | 'failed'>): HealingFacts {
  const { finalizeFailure } = healing
  return { ...facts, ...(finalizeFailure === undefined ? {} : { finalizeFailure }) }
}

/** Failing to take it out is no failure of the caller: the loader starts such an entry only when nothing else is there. */
async function dropEntries(
  writer: Writer,
  drop: readonly string[],
  options: OpOptions,
): Promise<readonly Warning[]> {
  const { order }: HostState = writer.state
  const kept = order.filter(({ id }) => !drop.includes(id))
  if (kept.length === 0 || kept.length === order.length) return []
  try {
    const plan = await planOrder(writer, kept)
    await checkBootRoom(writer, plan)
    await writeOrder(writer, plan, options)
  } catch (error) {
    options.signal?.throwIfAborted()
    const message = error instanceof Error ? error.message : String(error)
    return [
      {
        code: 'trial:still-listed',
        message: `what failed its trial is still in the boot menu: ${message}`,
        details: { deployments: drop },
      },
    ]
  }
  return (await pruneAfterwards(writer, options)).warnings
}
