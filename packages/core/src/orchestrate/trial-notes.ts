import type { Writer } from './context.js'
import type { HostEntry } from './host-state.js'
import { removeFinalizeStamp } from './trial-file.js'
import { imageOf, sameImage, trialOf } from './trial-judge.js'
import { timeOf } from './trial-start.js'
import type { FinalizeFailure, HealingFacts, TrialBoot, TrialFacts } from './trial-types.js'

/**
 * This boot of what is on trial came to its health check, and with a reason: it did not pass it. A trial that nobody
 * recorded (the loader alone knows of it) is recorded from here on.
 */
export function noteBoot(
  writer: Pick<Writer, 'state' | 'sysroot'>,
  healing: HealingFacts,
  bootId: string,
  reason?: string,
): HealingFacts {
  const { booted } = writer.state
  if (booted === undefined) return healing
  const at = timeOf(writer)
  const { paused: _, ...trial } = trialOf(healing, booted.id) ?? unrecorded(booted, at)
  const boot: TrialBoot = { bootId, at, ...(reason === undefined ? {} : { reason }) }
  const boots = [...trial.boots.filter((known) => known.bootId !== bootId), boot]
  const others = healing.trials.filter(({ deployment }) => deployment !== booted.id)
  return { ...healing, trials: [...others, { ...trial, boots }] }
}

function unrecorded({ deployment, entry }: HostEntry, since: string): TrialFacts {
  const { left = 0, done = 0 } = entry?.count ?? {}
  return { ...imageOf(deployment), tries: left + done, since, boots: [] }
}

/** A healthy deployment is on trial no more, and whatever was said against its image is refuted. */
export function closeTrial(healing: HealingFacts, { id, deployment }: HostEntry): HealingFacts {
  const trials = healing.trials.filter((trial) => trial.deployment !== id)
  const image = imageOf(deployment)
  const failed = healing.failed.filter((known) => !sameImage(known, image) && known.deployment !== id)
  const isSame = trials.length === healing.trials.length && failed.length === healing.failed.length
  return isSame ? healing : { ...healing, trials, failed }
}

export interface FinalizeNote {
  readonly healing: HealingFacts
  /** To be told now: it was not told at an earlier boot. */
  readonly report: FinalizeFailure | undefined
  /** Take away what other programs left, once the record is written. */
  forget(): Promise<void>
}

/** A failed finalize is told for the one boot that finds it, as libostree tells it. */
export async function noteFinalizeFailure(
  { lock }: Pick<Writer, 'lock'>,
  healing: HealingFacts,
  bootId: string,
): Promise<FinalizeNote> {
  const { finalizeFailure, ...rest } = healing
  const forget = () => removeFinalizeStamp(lock)
  if (finalizeFailure === undefined) return { healing, report: undefined, forget }
  const { reportedIn } = finalizeFailure
  if (reportedIn === bootId) return { healing, report: finalizeFailure, forget }
  if (reportedIn !== undefined) return { healing: rest, report: undefined, forget }
  const report = { ...finalizeFailure, reportedIn: bootId }
  return { healing: { ...rest, finalizeFailure: report }, report, forget }
}
