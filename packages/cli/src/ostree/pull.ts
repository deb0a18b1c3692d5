import { resolve } from 'node:path'
import { pullLocal as copy, pullRemote, type PullResult } from '@bootc-sdk/ostree-backend'
import type { Cli } from '../io.js'
import { formatBytes } from '../format.js'
import { printWarnings } from '../commands/print-change.js'
import { openRepository, type RepoOptions } from './repository.js'

interface PullFlags extends RepoOptions {
  readonly depth?: number
}

/** `bootc-sdk ostree pull-local`. */
export async function pullLocal(
  cli: Cli,
  options: PullFlags & { remote?: string; untrusted?: boolean },
  path: string,
  refs: readonly string[],
): Promise<void> {
  const [repo, source] = await Promise.all([openRepository(options), openRepository({ repo: resolve(path) })])
  const result = await copy(repo, source, {
    signal: cli.signal,
    untrusted: options.untrusted === true,
    ...(refs.length === 0 ? {} : { refs }),
    ...(options.remote === undefined ? {} : { remote: options.remote }),
    ...(options.depth === undefined ? {} : { depth: options.depth }),
  })
  await cli.out.write(line(result, 'imported'))
}

/** `bootc-sdk ostree pull`. */
export async function pull(
  cli: Cli,
  options: PullFlags & { mirror?: boolean; staticDeltas?: boolean },
  remote: string,
  refs: readonly string[],
): Promise<void> {
  const repo = await openRepository(options)
  const result = await pullRemote(repo, remote, {
    signal: cli.signal,
    mirror: options.mirror === true,
    staticDeltas: options.staticDeltas !== false,
    ...(refs.length === 0 ? {} : { refs }),
    ...(options.depth === undefined ? {} : { depth: options.depth }),
  })
  await printWarnings(cli, result.warnings)
  for (const { to, bytes } of result.deltas) {
    await cli.out.write(`static delta to ${to.slice(0, 12)}: ${formatBytes(bytes)} fetched\n`)
  }
  await cli.out.write(line(result, 'fetched'))
}

function line({ objects, bytes }: PullResult, verb: string): string {
  return `${objects} objects ${verb}; ${formatBytes(bytes)} written\n`
}
