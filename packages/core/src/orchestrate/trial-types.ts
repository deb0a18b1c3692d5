import type { HealthGate, HealthReport, HealthRun } from '../health/types.js'
import type { BootCount, DeploymentId, Digest, OpOptions, Warning } from '../interfaces/index.js'

/** Which image a trial or a failure is about, as far as the deployment knew. */
export interface TrialImage {
  readonly deployment: DeploymentId
  readonly manifestDigest?: Digest
  readonly configDigest?: Digest
  /** Of the image's labels. */
  readonly version?: string
  /** Reference that was followed, as printed: `docker://quay.io/a/b:tag`. */
  readonly reference?: string
}

/** A boot of a deployment on trial that came as far as its health check. */
export interface TrialBoot {
  /** /proc/sys/kernel/random/boot_id. */
  readonly bootId: string
  /** RFC 3339. */
  readonly at: string
  /** Why it was not healthy; absent when the checks did not come to an end. */
  readonly reason?: string
}

/** A deployment that has to show that it works. */
export interface TrialFacts extends TrialImage {
  /** Boots that it was given. */
  readonly tries: number
  /** RFC 3339: when it became the default. */
  readonly since: string
  /** What boots when the tries are used up. */
  readonly fallback?: DeploymentId
  readonly boots: readonly TrialBoot[]
  /** The trial rests because a rollback put another deployment first; tries as they were then. */
  readonly paused?: BootCount
}

/** A digest that failed here. */
export interface FailedFacts extends TrialImage {
  /** RFC 3339: when the fallback found out. */
  readonly at: string
  /** Boots that were tried. */
  readonly boots: number
  readonly reason: string
}

/** A finalize at shutdown that failed, found at the next boot. */
export interface FinalizeFailure {
  readonly message: string
  /** RFC 3339; unknown when another program left the message. */
  readonly at?: string
  /** The boot that reported it; it is forgotten after that boot. */
  readonly reportedIn?: string
}

/** What is known of trials. Everything may be empty. Plain data. */
export interface HealingFacts {
  readonly trials: readonly TrialFacts[]
  /** Newest last. */
  readonly failed: readonly FailedFacts[]
  readonly finalizeFailure?: FinalizeFailure
  /** The record could not be read, so that nothing above is known. */
  readonly problem?: string
}

export interface BootCheckOptions extends OpOptions {
  /** What judges this boot: `healthGate()` of `core/health`. */
  readonly gate: HealthGate
  /** Reboot when this boot is on trial and not healthy. */
  readonly reboot?: boolean
  /** Judge, and change nothing: no verdict, no reactions, no reboot. */
  readonly onlyReport?: boolean
}

/** Where the booted deployment stands. Stable words. */
export type TrialVerdict =
  /** It is not on trial. */
  | 'none'
  /** It was on trial, and is the system from now on. */
  | 'passed'
  /** It is on trial and did not pass this time; `count.left` more boots. */
  | 'retry'
  /** It did not pass, and this was the last try: the next boot falls back. */
  | 'last-try-failed'

/** Plain data. */
export interface BootCheckResult {
  readonly healthy: boolean
  readonly report: HealthReport
  /** What `green.d` or `red.d` did. */
  readonly reactions: readonly HealthRun[]
  readonly deployment: DeploymentId
  readonly verdict: TrialVerdict
  /** Tries of the booted deployment, before the verdict. */
  readonly count?: BootCount
  /** Deployments whose trial this boot found failed: the machine has fallen back. */
  readonly fellBackFrom: readonly FailedFacts[]
  /** The last shutdown did not finalize what was staged. */
  readonly finalizeFailure?: FinalizeFailure
  readonly warnings: readonly Warning[]
  readonly rebootRequested: boolean
}
