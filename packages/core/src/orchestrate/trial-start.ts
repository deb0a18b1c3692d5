import { isBootcError } from '../errors.js'
import type { DeploymentId, OpOptions, Warning } from '../interfaces/index.js'
import type { Writer } from './context.js'
import type { HostEntry } from './host-state.js'
import { readTrialConfig } from './trial-config.js'
import { writeHealing } from './trial-file.js'
import { imageOf, keptCounts, trialOf } from './trial-judge.js'
import { noHealing } from './trial-record.js'
import type { HealingFacts } from './trial-types.js'
import type { BootCounts } from './write-order.js'

/** A list with a new deployment in front, and how its trial begins. */
export interface TrialStart {
  readonly counts: BootCounts
  /** 0: it is no trial. */
  readonly tries: number
  readonly warnings: readonly Warning[]
}

/**
 * Whether a new default boots on trial: its image (or its /etc) asks for it, the loader can count, and something
 * else is there to fall back to.
 *
 * @param order the new list, the new deployment first
 */
export async function planTrial(
  { store, loader }: Pick<Writer, 'store' | 'loader'>,
  order: readonly HostEntry[],
): Promise<TrialStart> {
  const [fresh] = order
  const none = { counts: keptCounts(order), tries: 0 }
  if (fresh === undefined || order.length < 2) return { ...none, warnings: [] }
  const { deployments } = store
  const etc = (await deployments.currentEtc(fresh.id)) ?? (await deployments.defaults(fresh.id))
  const { tries, warnings } = await readTrialConfig(await deployments.root(fresh.id), etc)
  if (tries === 0) return { ...none, warnings }
  if (!loader.supports.bootCounting) {
    const message = `the image asks for trial boots, but ${loader.name} cannot count boots here, so a failing update does not fall back by itself`
    return { ...none, warnings: [...warnings, { code: 'trial:no-counting', message }] }
  }
  return { counts: new Map([...none.counts, [fresh.id, { left: tries, done: 0 }]]), tries, warnings }
}

/**
 * Write down that a trial begins, before the entries say so: after a power cut between the two, the record names a
 * deployment that never became the default, and the next boot forgets it. A record that cannot be written does not
 * stop an update: the loader counts without it.
 */
export async function recordTrial(
  writer: Writer,
  order: readonly HostEntry[],
  { tries }: TrialStart,
  options: OpOptions,
): Promise<readonly Warning[]> {
  const [fresh] = order
  const before = writer.state.healing ?? noHealing
  const trials = before.trials.filter(
    ({ deployment }) => deployment !== fresh?.id && order.some(({ id }) => id === deployment),
  )
  if (fresh !== undefined && tries > 0) {
    const fallback = order[1]?.id
    trials.push({
      ...imageOf(fresh.deployment),
      tries,
      since: timeOf(writer),
      ...(fallback === undefined ? {} : { fallback }),
      boots: [],
    })
  } else if (trials.length === before.trials.length) return []
  options.signal?.throwIfAborted()
  return tryWriteHealing(writer, { ...before, trials })
}

/** @returns a warning in place of an error: what is recorded informs, and nothing boots by it */
export async function tryWriteHealing(
  { lock }: Pick<Writer, 'lock'>,
  facts: HealingFacts,
): Promise<readonly Warning[]> {
  try {
    await writeHealing(lock, facts)
    return []
  } catch (error) {
    if (!isBootcError(error)) throw error
    return [{ code: 'trial:not-recorded', message: `the record of trials was not written: ${error.message}` }]
  }
}

/**
 * A list turned by hand. What is on trial and goes back rests, with the tries it has left; when it comes to the front
 * again it goes on.
 */
export async function turnTrials(
  writer: Writer,
  order: readonly HostEntry[],
): Promise<{ readonly counts: BootCounts; readonly record: HealingFacts | undefined }> {
  const healing = writer.state.healing ?? noHealing
  const [first, ...others] = order
  const counts = new Map<DeploymentId, { left: number; done: number }>()
  const resting = first === undefined ? undefined : trialOf(healing, first.id)?.paused
  const now = first?.entry?.count ?? resting
  // Without a try left it would never start, and somebody wants it to.
  if (first !== undefined && now !== undefined && now.left > 0) counts.set(first.id, now)
  let isChanged = false
  const trials = healing.trials.map((trial) => {
    const count = others.find(({ id }) => id === trial.deployment)?.entry?.count
    if (count === undefined || count.left === 0) return trial
    isChanged = true
    return { ...trial, paused: { left: count.left, done: count.done } }
  })
  return { counts, record: isChanged ? { ...healing, trials } : undefined }
}

/** RFC 3339. */
export function timeOf({ sysroot }: Pick<Writer, 'sysroot'>): string {
  return new Date(sysroot.host.now()).toISOString()
}
