import type { HostState } from '../orchestrate/host-state.js'
import type { FailedFacts, TrialImage } from '../orchestrate/trial-types.js'
import type { HostFailure, HostHealing, HostHealingImage, HostTrial } from './types.js'

/** Undefined when there is nothing to tell. */
export function healingOf({ healing, order }: Pick<HostState, 'healing' | 'order'>): HostHealing | undefined {
  if (healing === undefined) return undefined
  const trials = healing.trials.map((trial): HostTrial => {
    const count = order.find(({ id }) => id === trial.deployment)?.entry?.count
    const reason = trial.boots.findLast((boot) => boot.reason !== undefined)?.reason
    return {
      ...imageOf(trial),
      ...{ timestamp: trial.since, tries: trial.tries },
      ...(count === undefined ? {} : { triesLeft: count.left }),
      ...(reason === undefined ? {} : { reason }),
    }
  })
  const failed = healing.failed.map((failure): HostFailure => ({
    ...imageOf(failure),
    ...{ timestamp: failure.at, boots: failure.boots, reason: failure.reason },
  }))
  const { finalizeFailure, problem } = healing
  return {
    ...(trials.length === 0 ? {} : { trials }),
    ...(failed.length === 0 ? {} : { failed }),
    ...(finalizeFailure === undefined
      ? {}
      : {
          finalizeFailure: {
            message: finalizeFailure.message,
            ...(finalizeFailure.at === undefined ? {} : { timestamp: finalizeFailure.at }),
          },
        }),
    ...(problem === undefined ? {} : { problem }),
  }
}

function imageOf({ deployment, reference, version, manifestDigest }: TrialImage): HostHealingImage {
  return {
    deployment,
    ...(reference === undefined ? {} : { image: reference }),
    ...(version === undefined ? {} : { version }),
    ...(manifestDigest === undefined ? {} : { imageDigest: manifestDigest }),
  }
}

/** One line: `2026-01-01 12:00, 3 boots: required check …`. */
export function failureLine({ at, boots, reason }: Pick<FailedFacts, 'at' | 'boots' | 'reason'>): string {
  return `${minute(at)}, ${boots} ${boots === 1 ? 'boot' : 'boots'}: ${reason}`
}

type Table = readonly [title: string, value: string | undefined, rows: (readonly [string, string])[]]

/** Blocks behind those of the deployments. */
export function healingTables(healing: HostHealing | undefined): Table[] {
  const { trials = [], failed = [], finalizeFailure, problem } = healing ?? {}
  return [
    ...trials.map((trial): Table => [
      '   Trial image',
      trial.image ?? trial.deployment,
      [...imageRows(trial), ['Boots', boots(trial)], ...row('Reason', trial.reason)],
    ]),
    ...failed.map((failure): Table => [
      '  Failed image',
      failure.image ?? failure.deployment,
      [
        ...imageRows(failure),
        ['Failed', `${minute(failure.timestamp)} after ${failure.boots} boots`],
        ['Reason', failure.reason],
      ],
    ]),
    ...(finalizeFailure === undefined
      ? []
      : [['  Not finalized', finalizeFailure.message, row('Time', finalizeFailure.timestamp)] as const]),
    ...(problem === undefined ? [] : [['  Record of trials', problem, []] as const]),
  ].map(([title, value, rows]): Table => [title, value, [...rows]])
}

function imageRows({ imageDigest, version }: HostHealingImage): (readonly [string, string])[] {
  return [...row('Digest', imageDigest), ...row('Version', version)]
}

function boots({ tries, triesLeft }: HostTrial): string {
  return triesLeft === undefined ? 'resting after a rollback' : `${triesLeft} of ${tries} tries left`
}

function row(label: string, value: string | undefined): (readonly [string, string])[] {
  return value === undefined ? [] : [[label, value]]
}

/** Of an RFC 3339 time in UTC. */
function minute(time: string): string {
  return time.slice(0, 16).replace('T', ' ')
}
