import type { HostEntry } from './host-state.js'

export interface Slots {
  readonly anchor?: HostEntry
  readonly staged?: HostEntry
  readonly rollback?: HostEntry
  readonly others: readonly HostEntry[]
  readonly rollbackQueued: boolean
}

/**
 * Roles as bootc's Host API defines them (bootc.md §5): within the anchor's stateroot the staged one, then
 * the first that is not the anchor is `rollback`; the rest and every other stateroot are `others`. A
 * deployment staged into another stateroot is therefore one of the others, in front of them.
 *
 * @param order entries in boot order
 * @param booted the running one, when there is one; else the default is the anchor
 */
export function assignSlots(
  order: readonly HostEntry[],
  booted: HostEntry | undefined,
  staged: HostEntry | undefined,
): Slots {
  const anchor = booted ?? order[0]
  if (anchor === undefined) {
    return { ...(staged === undefined ? {} : { staged }), others: [], rollbackQueued: false }
  }
  const { stateroot } = anchor.deployment
  const related = (entry: HostEntry) => entry.deployment.stateroot === stateroot
  const rest = order.filter((entry) => entry.id !== anchor.id)
  const rollback = rest.find(related)
  const stagedHere = staged !== undefined && related(staged) ? staged : undefined
  const stagedElsewhere = staged !== undefined && stagedHere === undefined ? [staged] : []
  return {
    anchor,
    ...(stagedHere === undefined ? {} : { staged: stagedHere }),
    ...(rollback === undefined ? {} : { rollback }),
    others: [
      ...rest.filter((entry) => related(entry) && entry.id !== rollback?.id),
      ...stagedElsewhere,
      ...rest.filter((entry) => !related(entry)),
    ],
    rollbackQueued: (rollback?.index ?? Infinity) < (booted?.index ?? -1),
  }
}
