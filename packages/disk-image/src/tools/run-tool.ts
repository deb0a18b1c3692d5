import { BootcError, isBootcError, type Host } from '@bootc-sdk/core'
import { type Tool, toolPackages } from './packages.js'

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
  /** Only whether it can be started counts. */
  readonly anyEnd?: boolean
}

/** Where programs for the administrator are, which the PATH of others lacks. */
const systemDirs = '/usr/local/sbin:/usr/sbin:/sbin'

/**
 * Run a formatter to its end, in the C locale.
 *
 * @returns what it printed
 * @throws BootcError `HOST_TOOL_MISSING`, `HOST_TOOL_FAILED`; `signal.reason` when aborted
 */
export async function runTool(
  host: Pick<Host, 'run'>,
  tool: Tool,
  args: readonly string[],
  { env = {}, signal, anyEnd = false }: RunOptions = {},
): Promise<{ stdout: string; stderr: string }> {
  const PATH = `${process.env['PATH'] ?? '/usr/bin:/bin'}:${systemDirs}`
  // One call finds the program: spawn looks in the PATH of the environment it is given.
  const result = await host
    .run([tool, ...args], { env: { PATH, LC_ALL: 'C', TZ: 'UTC', ...env }, signal })
    .catch((error: unknown) => {
      if (isBootcError(error, 'HOST_NO_PROGRAM')) throw missing(tool, error)
      throw error
    })
  signal?.throwIfAborted()
  if (result.code === 0 || anyEnd) return result
  throw toolFailed(tool, result.code, result.stderr)
}

/** The last lines are those that say why. */
export function toolFailed(tool: Tool, exitCode: number, output: string): BootcError {
  const stderr = output.trim().slice(-2000)
  const why = stderr.split('\n').at(-1) ?? ''
  return new BootcError('HOST_TOOL_FAILED', `${tool} failed${why === '' ? '' : `: ${why}`}`, {
    details: { tool, exitCode, stderr },
  })
}

function missing(tool: Tool, cause: unknown): BootcError {
  const { debian, fedora } = toolPackages[tool]
  const from = debian === fedora ? `package ${debian}` : `package ${debian} (Debian), ${fedora} (Fedora)`
  return new BootcError('HOST_TOOL_MISSING', `${tool} is not installed; it is in ${from}`, {
    details: { tool, debian, fedora },
    cause,
  })
}
