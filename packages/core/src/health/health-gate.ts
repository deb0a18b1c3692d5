import type { Dir, OpOptions, ReadTree } from '../interfaces/index.js'
import { findPrograms, type HealthProgram } from './find-programs.js'
import { spawnProgram } from './spawn-program.js'
import type {
  HealthCheckResult,
  HealthGate,
  HealthReport,
  HealthRun,
  ProgramEnd,
  RunProgram,
} from './types.js'

export interface HealthGateOptions {
  /** Root of the running system: `nodeDir('/')`. Its host path is put before the paths of programs. */
  readonly root: Pick<ReadTree, 'stat' | 'list' | 'readlink'> & Pick<Dir, 'hostPath'>
  /** How programs are started; default: as processes. */
  readonly run?: RunProgram
  /** For one program, in milliseconds; default 120 000. */
  readonly timeoutMs?: number
  /** For all checks together; default 600 000. What has no time left counts as timed out. */
  readonly totalMs?: number
  /** Of each program's output, the last bytes; default 4096. */
  readonly maxOutputBytes?: number
  /** Milliseconds of a clock; default the system's. */
  readonly now?: () => number
}

const defaultTimeoutMs = 120_000
const defaultTotalMs = 600_000

/**
 * The gate made of directories of executables: `check/required.d` and `check/wanted.d`, afterwards `green.d` or
 * `red.d`, below `/usr/lib/bootc-sdk` and `/etc/bootc-sdk`, `/usr/lib/greenboot` and `/etc/greenboot`. All checks
 * run, one after the other, also after one has failed: what is wrong is best seen whole.
 */
export function healthGate(options: HealthGateOptions): HealthGate {
  const { root } = options
  return {
    async check({ signal } = {}) {
      const found = {
        required: await findPrograms(root, 'check/required.d'),
        wanted: await findPrograms(root, 'check/wanted.d'),
      }
      const { timeoutMs = defaultTimeoutMs, totalMs = defaultTotalMs, now = Date.now } = options
      const deadline = now() + totalMs
      const checks: HealthCheckResult[] = []
      const warnings = [...found.required.warnings, ...found.wanted.warnings]
      for (const kind of ['required', 'wanted'] as const) {
        for (const program of found[kind].programs) {
          const limit = { ...options, timeoutMs: Math.min(timeoutMs, Math.max(deadline - now(), 0)) }
          const result = { ...(await runOne(limit, program, signal)), required: kind === 'required' }
          checks.push(result)
          if (result.outcome !== 'passed' && !result.required) {
            const details = { path: result.path }
            warnings.push({ code: 'health:wanted-failed', message: sentence(result), details })
          }
        }
      }
      const failed = checks.filter((check) => check.required && check.outcome !== 'passed')
      const [first] = failed
      const more = failed.length > 1 ? ` (and ${failed.length - 1} more)` : ''
      return {
        healthy: first === undefined,
        checks,
        warnings,
        ...(first === undefined ? {} : { reason: `${sentence(first)}${more}` }),
      }
    },

    async react(healthy, { signal } = {}) {
      const { programs } = await findPrograms(root, healthy ? 'green.d' : 'red.d')
      const runs: HealthRun[] = []
      for (const program of programs) runs.push(await runOne(options, program, signal))
      return runs
    },
  }
}

/** Check, then run `green.d` or `red.d`; for those who have no verdict to write down between the two. */
export async function runHealthChecks(
  options: HealthGateOptions & OpOptions,
): Promise<HealthReport & { readonly reactions: readonly HealthRun[] }> {
  const gate = healthGate(options)
  const report = await gate.check(options)
  return { ...report, reactions: (await gate.react?.(report.healthy, options)) ?? [] }
}

async function runOne(
  { root, run = spawnProgram, now = Date.now, ...options }: HealthGateOptions,
  { name, path }: HealthProgram,
  signal: AbortSignal | undefined,
): Promise<HealthRun> {
  signal?.throwIfAborted()
  const { timeoutMs = defaultTimeoutMs, maxOutputBytes = 4096 } = options
  const absolute = `${(root.hostPath ?? '').replace(/\/$/, '')}/${path}`
  const stop = new AbortController()
  const forward = (): void => stop.abort(signal?.reason)
  signal?.addEventListener('abort', forward, { once: true })
  const timer = setTimeout(() => stop.abort(), timeoutMs)
  const start = now()
  try {
    if (timeoutMs === 0) return { name, path: absolute, outcome: 'timed-out', durationMs: 0, output: '' }
    const end = await run([absolute], { signal: stop.signal, maxOutputBytes })
    signal?.throwIfAborted()
    return {
      ...{ name, path: absolute, outcome: outcomeOf(end, stop.signal.aborted) },
      ...(end.exitCode === undefined ? {} : { exitCode: end.exitCode }),
      durationMs: now() - start,
      output: end.startFailure ?? end.output,
    }
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', forward)
  }
}

function outcomeOf(end: ProgramEnd, isTimedOut: boolean): HealthRun['outcome'] {
  if (isTimedOut) return 'timed-out'
  return end.exitCode === 0 && end.startFailure === undefined ? 'passed' : 'failed'
}

/** One line for journals and records. */
function sentence({ name, outcome, exitCode, output, required, durationMs }: HealthCheckResult): string {
  const how =
    outcome === 'timed-out' && durationMs === 0
      ? 'was not run, because the checks before it took all the time'
      : outcome === 'timed-out'
        ? `took longer than ${Math.round(durationMs / 1000)} s`
        : `failed (${exitCode === undefined ? 'ended by a signal or never started' : `exit code ${exitCode}`})`
  const last = output
    .split('\n')
    .map((line) => line.replace(/[\p{Cc}\p{Cf}]/gu, ' ').trim())
    .filter((line) => line !== '')
    .at(-1)
  const said = last === undefined ? '' : `: ${last.slice(0, maxSaid)}`
  return `${required ? 'required' : 'wanted'} check ${name} ${how}${said}`
}

/** Characters of a check's last line in a reason. */
const maxSaid = 300
