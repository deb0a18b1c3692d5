import type { BootCount, Digest } from '../interfaces/index.js'
import type {
  FailedFacts,
  FinalizeFailure,
  HealingFacts,
  TrialBoot,
  TrialFacts,
  TrialImage,
} from './trial-types.js'

/**
 * Format of `.bootc-sdk/trials.json`: the members of `HealingFacts` (without `problem`) beside `version: 1`. Other
 * versions are not read; unknown members of this one are ignored, because the image that falls back may be older
 * than the one that wrote it.
 */
const formatVersion = 1

/** What nobody will ever look at must not grow: older ones go. */
const maxFailed = 32
const maxBoots = 16
const maxReason = 1000

export const noHealing: HealingFacts = Object.freeze({ trials: [], failed: [] })

export function printTrialRecord({ trials, failed, finalizeFailure }: HealingFacts): string {
  const record = {
    version: formatVersion,
    trials: trials.map((trial) => ({ ...trial, boots: trial.boots.slice(-maxBoots).map(shortened) })),
    failed: failed.slice(-maxFailed).map(shortened),
    ...(finalizeFailure === undefined
      ? {}
      : { finalizeFailure: { ...finalizeFailure, message: finalizeFailure.message.slice(0, maxReason) } }),
  }
  return `${JSON.stringify(record, undefined, 2)}\n`
}

/** Never throws: what cannot be understood is `problem`, and entries that make no sense are left out. */
export function parseTrialRecord(text: string): HealingFacts {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { ...noHealing, problem: 'is not JSON' }
  }
  if (!isRecord(value)) return { ...noHealing, problem: 'is not an object' }
  if (value['version'] !== formatVersion) {
    return { ...noHealing, problem: `has the unknown version ${JSON.stringify(value['version'])}` }
  }
  const finalizeFailure = readFinalizeFailure(value['finalizeFailure'])
  return {
    trials: listOf(value['trials'], readTrial),
    failed: listOf(value['failed'], readFailed),
    ...(finalizeFailure === undefined ? {} : { finalizeFailure }),
  }
}

function readTrial(value: Json): TrialFacts | undefined {
  const image = readImage(value)
  const { tries, since, fallback, paused } = value
  if (image === undefined || !isCount(tries) || !isTime(since)) return undefined
  const count = isRecord(paused) ? readCount(paused) : undefined
  return {
    ...image,
    ...{ tries, since },
    ...(isText(fallback) ? { fallback } : {}),
    boots: listOf(value['boots'], readBoot),
    ...(count === undefined ? {} : { paused: count }),
  }
}

function readBoot({ bootId, at, reason }: Json): TrialBoot | undefined {
  if (!isText(bootId) || !isTime(at)) return undefined
  return { bootId, at, ...(isText(reason) ? { reason } : {}) }
}

function readFailed(value: Json): FailedFacts | undefined {
  const image = readImage(value)
  const { at, boots, reason } = value
  if (image === undefined || !isTime(at)) return undefined
  return { ...image, at, boots: isCount(boots) ? boots : 0, reason: isText(reason) ? reason : 'unknown' }
}

function readImage(value: Json): TrialImage | undefined {
  const { deployment, manifestDigest, configDigest, version, reference } = value
  if (!isText(deployment)) return undefined
  return {
    deployment,
    ...(isDigest(manifestDigest) ? { manifestDigest } : {}),
    ...(isDigest(configDigest) ? { configDigest } : {}),
    ...(isText(version) ? { version } : {}),
    ...(isText(reference) ? { reference } : {}),
  }
}

function readFinalizeFailure(value: unknown): FinalizeFailure | undefined {
  if (!isRecord(value)) return undefined
  const { message, at, reportedIn } = value
  if (!isText(message)) return undefined
  return { message, ...(isTime(at) ? { at } : {}), ...(isText(reportedIn) ? { reportedIn } : {}) }
}

function readCount({ left, done }: Json): BootCount | undefined {
  return isCount(left) && isCount(done) ? { left, done } : undefined
}

type Json = Readonly<Record<string, unknown>>

function listOf<T>(value: unknown, read: (item: Json) => T | undefined): T[] {
  if (!Array.isArray(value)) return []
  return value.flatMap((item: unknown) => (isRecord(item) ? (read(item) ?? []) : []))
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 4096
}

function isTime(value: unknown): value is string {
  return isText(value) && !Number.isNaN(Date.parse(value))
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 999_999_999
}

function isDigest(value: unknown): value is Digest {
  return isText(value) && /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/.test(value)
}

function shortened<T extends { readonly reason?: string }>(item: T): T {
  return item.reason === undefined ? item : { ...item, reason: item.reason.slice(0, maxReason) }
}
