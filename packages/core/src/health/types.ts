import type { OpOptions, Warning } from '../interfaces/index.js'

/** `timed-out`: ended by us after its time. `skipped`: cannot be run; a warning says why. */
export type HealthOutcome = 'passed' | 'failed' | 'timed-out' | 'skipped'

/** What one executable said. Plain data. */
export interface HealthRun {
  /** File name, unique in its kind of directory: `10-network`. */
  readonly name: string
  /** Absolute, as it was started. */
  readonly path: string
  readonly outcome: HealthOutcome
  readonly exitCode?: number
  readonly durationMs: number
  /** Standard output and error together; the last bytes where there were many. */
  readonly output: string
}

export interface HealthCheckResult extends HealthRun {
  /** False: a failure is only a warning. */
  readonly required: boolean
}

/** Verdict of the gate. Plain data. */
export interface HealthReport {
  /** No required check failed. */
  readonly healthy: boolean
  /** In the order they ran. */
  readonly checks: readonly HealthCheckResult[]
  readonly warnings: readonly Warning[]
  /** Of the first required check that failed, in one line. */
  readonly reason?: string
}

/** What judges a boot. `bootCheck` asks it; tests and other gates (a service manager's state) bring their own. */
export interface HealthGate {
  check(options?: OpOptions): Promise<HealthReport>
  /** After the verdict was written down: `green.d`, or `red.d`. Failures are in the results, never thrown. */
  react?(healthy: boolean, options?: OpOptions): Promise<readonly HealthRun[]>
}

/** How a program ended. */
export interface ProgramEnd {
  /** Absent when a signal ended it. */
  readonly exitCode?: number
  readonly signalName?: string
  /** Why it could not be started at all. */
  readonly startFailure?: string
  /** Tail of what it wrote. */
  readonly output: string
}

/**
 * Starts a program and waits for it; when `signal` aborts, the program and what it started are killed and the
 * promise resolves.
 */
export type RunProgram = (
  argv: readonly string[],
  options: { readonly signal: AbortSignal; readonly maxOutputBytes: number },
) => Promise<ProgramEnd>
