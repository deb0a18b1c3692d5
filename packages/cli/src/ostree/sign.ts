import { deleteSignatures, requireRev, signCommit, verifyCommit } from '@bootc-sdk/ostree-backend'
import { UsageError, type Cli } from '../io.js'
import { openRepository, type RepoOptions } from './repository.js'
import { keySetOf, signingOf, type KeyFlags } from './trust.js'

interface SignFlags extends RepoOptions, KeyFlags {
  readonly verify?: boolean
  readonly delete?: boolean
}

/** `bootc-sdk ostree sign`: keys are base64, secret ones to sign with, public ones for --verify and --delete. */
export async function sign(
  cli: Cli,
  options: SignFlags,
  rev: string,
  keys: readonly string[],
): Promise<void> {
  if (options.verify === true && options.delete === true) throw new UsageError('choose --verify or --delete')
  const repo = await openRepository(options)
  const commit = await requireRev(repo, rev)
  const { signType } = options
  if (options.verify === true) {
    await verifyCommit(repo, commit, signType, await keySetOf(options, keys))
    await cli.out.write(`${signType}: signature of ${commit} verified\n`)
  } else if (options.delete === true) {
    const isAll = keys.length === 0 && options.keysFile === undefined
    const { trusted } = isAll ? { trusted: undefined } : await keySetOf(options, keys)
    const count = await deleteSignatures(repo, commit, signType, trusted)
    await cli.out.write(`${count} signatures deleted\n`)
  } else {
    await signCommit(repo, commit, await signingOf(options, keys))
  }
}
