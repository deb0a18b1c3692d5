import { CommanderError } from 'commander'
import type { Cli } from './io.js'
import { AlreadyRun, UsageError } from './io.js'
import { buildProgram } from './program.js'
import { errorLine, errorReport } from './print-error.js'

/**
 * The command as a function.
 *
 * @param args arguments after the program's name
 * @returns exit code: 0 success (also "nothing to do"), 1 run-time error, 2 wrong arguments
 */
export async function runCli(args: readonly string[], cli: Cli): Promise<number> {
  const result = { code: 0 }
  const program = buildProgram(cli, result, args)
  try {
    await program.parseAsync([...args], { from: 'user' })
    return result.code
  } catch (error) {
    // Commander has printed its own text by now; help that was asked for is a success.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    if (error instanceof AlreadyRun) return error.exitCode
    if (error instanceof UsageError) {
      await cli.err.write(`${paint(cli, 'error: ')}${errorLine(error)}\n`)
      return 2
    }
    if (program.opts<{ verbose?: boolean }>().verbose === true) {
      await cli.err.write(`${errorReport(error)}\n`)
    } else {
      await cli.err.write(`${paint(cli, 'error: ')}${errorLine(error)}\n`)
    }
    return 1
  }
}

function paint(cli: Cli, text: string): string {
  return cli.err.isTerminal && cli.env['NO_COLOR'] === undefined ? `\u001b[31m${text}\u001b[0m` : text
}
