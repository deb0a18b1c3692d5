import type { BootSpec, Dir } from '@bootc-sdk/core'
import type { OwnFile } from './entries.js'
import type { EntrySets } from './entry-sets.js'
import { readEnvironment, writeEnvironment } from './environment-file.js'
import { names } from './format/trial-script.js'
import { capped, noTrial, openTrial, trialIdOf, trialVariables } from './trial.js'

/** Is the default to be on trial, and the environment does not say so yet? */
export async function needsTrial(dir: Dir, sets: EntrySets, specs: readonly BootSpec[]): Promise<boolean> {
  const count = specs[0]?.count
  if (count === undefined || specs.length < 2) return false
  const trial = openTrial(await readEnvironment(dir))
  const { left, done } = capped(count)
  const isOpen = trial?.id === trialIdOf(await sets.firstText(specs))
  return !(isOpen && trial.count.left === left && trial.count.done === done)
}

/**
 * Before the switch: what it names is not active yet, so that after a cut the counter counts for nothing. Only the
 * default can be on trial.
 */
export async function startTrial(dir: Dir, sets: EntrySets, specs: readonly BootSpec[]): Promise<void> {
  const count = specs[0]?.count
  if (count === undefined || specs.length < 2) return
  await writeEnvironment(dir, trialVariables(trialIdOf(await sets.firstText(specs)), count))
}

/** After the switch: a static configuration would count for whatever comes first now. Counters of others stay. */
export async function endStaleTrial(dir: Dir, active: readonly OwnFile[]): Promise<void> {
  const { variables } = await readEnvironment(dir)
  const id = variables.get(names.trial)
  if (id === undefined || active.some(({ text }) => trialIdOf(text) === id)) return
  await writeEnvironment(dir, noTrial)
}

/** The trial of this entry ends well. */
export async function endTrial(dir: Dir, { text }: OwnFile): Promise<void> {
  const { variables } = await readEnvironment(dir)
  if (variables.get(names.trial) !== trialIdOf(text)) return
  await writeEnvironment(dir, { ...noTrial, [names.success]: '1' })
}
