import type { StagedRecord } from '../interfaces/index.js'
import { withKeys, type EntryKeys } from '../kargs/index.js'
import type { HostEntry } from './host-state.js'
import { inheritedKeys } from './image-kargs.js'

/**
 * Keys that the entry of a staged deployment will have: those of the deployment that it follows, with what its
 * record says.
 */
export function stagedKeys({ mergeFrom, extra = [] }: StagedRecord, order: readonly HostEntry[]): EntryKeys {
  const base = order.find(({ id }) => id === mergeFrom)
  return withKeys(inheritedKeys(base?.extra ?? []), extra)
}

/**
 * What the record of a staged deployment has to say about keys, all of them: other programs that finalize it
 * may not look at the entry that is followed. Keys that go are there without a value.
 */
export function recordExtra(base: EntryKeys, wanted: EntryKeys): Pick<StagedRecord, 'extra'> {
  const gone = inheritedKeys(base).filter(([key]) => !wanted.some(([name]) => name === key))
  const extra = [...inheritedKeys(wanted), ...gone.map(([key]): EntryKeys[number] => [key, ''])]
  return extra.length === 0 ? {} : { extra }
}
