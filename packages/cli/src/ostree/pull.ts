import { resolve } from 'node:path'
import {
  listRemotes,
  openRemoteVerifier,
  pullLocal as copy,
  pullRemote,
  type CommitCheck,
  type OstreeRepo,
  type PullResult,
} from '@bootc-sdk/ostree-backend'
import type { Cli } from '../io.js'
import { formatBytes } from '../format.js'
import { printWarnings } from '../commands/print-change.js'
import { UsageError } from '../io.js'
import { openRepository, type RepoOptions } from './repository.js'
import { remoteTrust } from './remote-trust.js'

interface PullFlags extends RepoOptions {
  readonly depth?: number
}

interface PullLocalFlags extends PullFlags {
  readonly remote?: string
  readonly untrusted?: boolean
  readonly gpgVerify?: boolean
  readonly disableSignVerify?: boolean
}

/** `bootc-sdk ostree pull-local`. */
export async function pullLocal(
  cli: Cli,
  options: PullLocalFlags,
  path: string,
  refs: readonly string[],
): Promise<void> {
  const [repo, source] = await Promise.all([openRepository(options), openRepository({ repo: resolve(path) })])
  const check = await localCheck(repo, options)
  const result = await copy(repo, source, {
    signal: cli.signal,
    ...(check === undefined ? {} : { check }),
    untrusted: options.untrusted === true,
    ...(refs.length === 0 ? {} : { refs }),
    ...(options.remote === undefined ? {} : { remote: options.remote }),
    ...(options.depth === undefined ? {} : { depth: options.depth }),
  })
  await cli.out.write(line(result, 'imported'))
}

/** As in the ostree program, OpenPGP only when asked for, and other signatures as the remote has it. */
async function localCheck(repo: OstreeRepo, options: PullLocalFlags): Promise<CommitCheck | undefined> {
  const { remote, gpgVerify = false, disableSignVerify = false } = options
  if (gpgVerify && remote === undefined) throw new UsageError('--gpg-verify needs --remote')
  if (remote === undefined || (!gpgVerify && !listRemotes(repo).includes(remote))) return undefined
  const commits = { openpgp: gpgVerify, ...(disableSignVerify ? { engines: [] } : {}) }
  return (await openRemoteVerifier(repo, remote, { ...remoteTrust, commits })).commit
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
    trust: remoteTrust,
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
