import type { DeploymentId } from '../interfaces/index.js'
import type { HostEntry, HostState } from './host-state.js'

/**
 * The list after a new deployment was put in front (ostree.md §14.2, "simple write deployment"): of the
 * existing ones stay, in their order, those that are pinned, of another stateroot, booted, or the merge base.
 *
 * Where the running one is still on trial itself, what it would fall back to stays too, and comes before it: the next
 * fallback has to be one that is known to work.
 */
export function orderWithNew(
  fresh: HostEntry,
  state: Pick<HostState, 'order' | 'booted' | 'healing'>,
  mergeFrom: DeploymentId | undefined,
): HostEntry[] {
  const proven = provenFallback(state)
  const kept = state.order.filter(
    ({ id, deployment }) =>
      id !== fresh.id &&
      (deployment.pinned ||
        deployment.stateroot !== fresh.deployment.stateroot ||
        id === state.booted?.id ||
        id === mergeFrom ||
        id === proven),
  )
  const first = kept.filter(({ id }) => id === proven)
  return [fresh, ...first, ...strayed(fresh, state), ...kept.filter(({ id }) => id !== proven)]
}

/** What runs although its boot entry was damaged or deleted gets another. */
function strayed(fresh: HostEntry, { order, booted }: Pick<HostState, 'order' | 'booted'>): HostEntry[] {
  const isKnown = booted === undefined || [fresh, ...order].some(({ id }) => id === booted.id)
  return isKnown ? [] : [booted]
}

function provenFallback({
  booted,
  healing,
}: Pick<HostState, 'booted' | 'healing'>): DeploymentId | undefined {
  if (booted?.entry?.count === undefined) return undefined
  return healing?.trials.find(({ deployment }) => deployment === booted.id)?.fallback
}

/**
 * The list of a rollback, a toggle: the rollback entry before the anchor, or the anchor first again when
 * the rollback was queued already. The others keep their order.
 */
export function rollbackOrder(
  order: readonly HostEntry[],
  anchor: HostEntry,
  rollback: HostEntry,
  queued: boolean,
): HostEntry[] {
  const rest = order.filter(({ id }) => id !== anchor.id && id !== rollback.id)
  return queued ? [anchor, rollback, ...rest] : [rollback, anchor, ...rest]
}
