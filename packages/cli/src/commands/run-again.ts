import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { BootcError } from '@bootc-sdk/core'

/**
 * Run this command once more, by another program: `argv` stands before the arguments of this process.
 *
 * @param marker variable that is set in the second run, so that there is no third
 * @returns its exit code, 128 and the number of a signal that ended it
 * @throws BootcError `HOST_NO_PROGRAM`
 */
export function runAgain(argv: readonly string[], marker: string): Promise<number> {
  const [program = '', ...before] = argv
  // All descriptors are handed on, `--progress-fd` among them.
  const fd = /--progress-fd[= ](\d+)/.exec(process.argv.join(' '))?.[1]
  const inherited = Array.from({ length: Math.max(3, Number(fd ?? 0) + 1) }, () => 'inherit' as const)
  const child = spawn(program, [...before, ...process.execArgv, ...process.argv.slice(1)], {
    stdio: inherited,
    env: { ...process.env, [marker]: '1' },
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
  return new Promise((resolve, reject) => {
    child.on('error', (cause) => {
      reject(
        new BootcError('HOST_NO_PROGRAM', `program ${program} could not be started`, {
          details: { program },
          cause,
        }),
      )
    })
    child.on('exit', (code, signal) =>
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
    )
  })
}
