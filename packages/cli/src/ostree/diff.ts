import { diffCommits, formatDiff } from '@bootc-sdk/ostree-backend'
import type { Cli } from '../io.js'
import { printable } from '../format.js'
import { openRepository, type RepoOptions } from './repository.js'

/** `bootc-sdk ostree diff`: `M    /path`, `D    /path`, `A    /path`. One argument means: against its parent. */
export async function diff(
  cli: Cli,
  options: RepoOptions,
  from: string,
  to: string | undefined,
): Promise<void> {
  const repo = await openRepository(options)
  const text = formatDiff(await diffCommits(repo, to === undefined ? `${from}^` : from, to ?? from))
  await cli.out.write(cli.out.isTerminal ? text.split('\n').map(printable).join('\n') : text)
}
