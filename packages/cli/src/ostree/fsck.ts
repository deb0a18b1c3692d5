import { BootcError } from '@bootc-sdk/core'
import { fsckRepo } from '@bootc-sdk/ostree-backend'
import type { Cli } from '../io.js'
import { printable } from '../format.js'
import { openRepository, type RepoOptions } from './repository.js'

interface FsckFlags extends RepoOptions {
  readonly quiet?: boolean
  readonly delete?: boolean
}

/** `bootc-sdk ostree fsck`: one line a defect on stderr, and exit code 1 when there is any. */
export async function fsck(cli: Cli, options: FsckFlags): Promise<void> {
  const repo = await openRepository(options)
  const say = (line: string): Promise<void> =>
    options.quiet === true ? Promise.resolve() : cli.out.write(`${line}\n`)
  await say('Validating refs and objects...')
  const report = await fsckRepo(repo, { signal: cli.signal, bindings: true, repair: options.delete === true })
  for (const { object, message } of report.problems) {
    const line = message.includes(object) ? message : `${object}: ${message}`
    await cli.err.write(`${printable(line)}\n`)
  }
  if (report.partial.length > 0) {
    await say(`${report.partial.length} partial commits not verified`)
  }
  if (report.problems.length > 0) {
    throw new BootcError('STORE_FSCK_FAILED', `Repository has ${report.problems.length} defects`, {
      details: { problems: report.problems },
    })
  }
  await say(`object fsck of ${report.commits} commits completed successfully - no errors found.`)
}
