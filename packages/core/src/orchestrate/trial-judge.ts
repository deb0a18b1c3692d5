import type { BootCount, DeploymentId } from '../interfaces/index.js'
import { displaySignedReference } from '../oci/index.js'
import type { HostEntry, HostState } from './host-state.js'
import type { FailedFacts, HealingFacts, TrialFacts, TrialImage } from './trial-types.js'

/** What a look at the boot entries says about trials. */
export interface Judgement {
  /** The record as it should be now. */
  readonly trials: readonly TrialFacts[]
  readonly failed: readonly FailedFacts[]
  /** Found failed by this look. */
  readonly fellBackFrom: readonly FailedFacts[]
  /** Deployments that must not be booted any more. */
  readonly drop: readonly DeploymentId[]
}

/**
 * Compare the record with the boot entries, which are the truth: their counts are the loader's own.
 *
 * | entry | record | meaning |
 * |---|---|---|
 * | no tries left, not booted | any | the loader has given up on it: failed |
 * | no tries left, booted | any | the last try is running: no verdict |
 * | tries left | any | on trial, also when another one was chosen in the menu: no verdict |
 * | no count | `paused` | a rollback put it back, the trial rests |
 * | no count | open | somebody marked it good |
 * | gone | any | removed, or never became the default |
 *
 * @param at time of the verdict, RFC 3339
 */
export function judgeTrials(
  state: Pick<HostState, 'order' | 'booted'>,
  healing: HealingFacts,
  at: string,
): Judgement {
  const spent = state.order.filter(({ id, entry }) => entry?.count?.left === 0 && id !== state.booted?.id)
  const drop = spent.map(({ id }) => id)
  const fellBackFrom = spent
    .map((entry) => ({ trial: trialOf(healing, entry.id), entry }))
    .map(({ entry, trial }) => ({ trial, failure: failureOf(entry, { trial, running: state.booted, at }) }))
    // When the power went before it left the boot order, the failure is in the record already.
    .filter(({ trial, failure }) => trial !== undefined || !isOnRecord(healing, failure))
    .map(({ failure }) => failure)
  const trials = healing.trials.filter((trial) => {
    const entry = state.order.find(({ id }) => id === trial.deployment)
    if (entry === undefined || drop.includes(trial.deployment)) return false
    return entry.entry?.count !== undefined || trial.paused !== undefined
  })
  const isAgain = (known: FailedFacts) => fellBackFrom.some((fresh) => sameImage(known, fresh))
  return {
    trials,
    failed: [...healing.failed.filter((known) => !isAgain(known)), ...fellBackFrom],
    fellBackFrom,
    drop,
  }
}

function isOnRecord({ failed }: HealingFacts, { deployment, manifestDigest }: FailedFacts): boolean {
  return failed.some((known) => known.deployment === deployment && known.manifestDigest === manifestDigest)
}

function failureOf(
  { deployment, entry }: HostEntry,
  facts: { trial: TrialFacts | undefined; running: HostEntry | undefined; at: string },
): FailedFacts {
  const { trial, running, at } = facts
  const done = entry?.count?.done ?? 0
  const boots = done > 0 ? done : (trial?.tries ?? 0)
  const reason = reasonOf(trial, boots)
  const image = { ...imageOf(deployment), ...(trial === undefined ? {} : imageOfTrial(trial)) }
  // New kernel arguments for an image that works: it is not the image that failed.
  const known = running?.deployment.image
  const blamed = known !== undefined && sameImage(known, image) ? { deployment: image.deployment } : image
  return { ...blamed, at, boots, reason }
}

/** The gate's last word, else how far it came. */
function reasonOf(trial: TrialFacts | undefined, boots: number): string {
  const checked = trial?.boots ?? []
  const last = checked.findLast(({ reason }) => reason !== undefined)
  if (last?.reason !== undefined) return last.reason
  const times = boots === 0 ? '' : boots === 1 ? ' in 1 boot' : ` in ${boots} boots`
  return checked.length > 0
    ? `its health check never came to an end${times}`
    : `never reached its health check${times}`
}

/** What a deployment knows of its image. */
export function imageOf({ id, image, origin }: HostEntry['deployment']): TrialImage {
  return {
    deployment: id,
    ...(image === undefined ? {} : { manifestDigest: image.manifestDigest }),
    ...(image?.configDigest === undefined ? {} : { configDigest: image.configDigest }),
    ...(image?.version === undefined ? {} : { version: image.version }),
    ...(origin === undefined ? {} : { reference: displaySignedReference(origin) }),
  }
}

function imageOfTrial({
  deployment,
  manifestDigest,
  configDigest,
  version,
  reference,
}: TrialFacts): TrialImage {
  return {
    deployment,
    ...(manifestDigest === undefined ? {} : { manifestDigest }),
    ...(configDigest === undefined ? {} : { configDigest }),
    ...(version === undefined ? {} : { version }),
    ...(reference === undefined ? {} : { reference }),
  }
}

type Digests = Pick<TrialImage, 'manifestDigest' | 'configDigest'>

/** Equal manifests, or equal configs: the same root in another compression. */
export function sameImage(a: Digests, b: Digests): boolean {
  return (
    (a.manifestDigest !== undefined && a.manifestDigest === b.manifestDigest) ||
    (a.configDigest !== undefined && a.configDigest === b.configDigest)
  )
}

export function trialOf(healing: HealingFacts, id: DeploymentId): TrialFacts | undefined {
  return healing.trials.find(({ deployment }) => deployment === id)
}

/** The failure that an image has on record, when it has one. */
export function failureOn(healing: HealingFacts | undefined, image: Digests): FailedFacts | undefined {
  return healing?.failed.findLast((known) => sameImage(known, image))
}

/**
 * Counts for a new list of entries: what the loader has counted stays with the default, and with what it has given
 * up on; all others have none, because a fallback must boot without conditions.
 */
export function keptCounts(entries: readonly HostEntry[]): ReadonlyMap<DeploymentId, BootCount> {
  const counts = new Map<DeploymentId, BootCount>()
  for (const [index, { id, entry }] of entries.entries()) {
    const count = entry?.count
    if (count !== undefined && (index === 0 || count.left === 0)) counts.set(id, count)
  }
  return counts
}
