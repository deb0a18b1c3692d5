import { BootcError } from '@bootc-sdk/core'
import {
  formatLogEntry,
  logCommits,
  requireRev,
  type LogEntry,
  type VariantDict,
} from '@bootc-sdk/ostree-backend'
import type { Cli } from '../io.js'
import { printable } from '../format.js'
import { openRepository, type RepoOptions } from './repository.js'
import { variantText } from './variant-text.js'

interface ShowOptions extends RepoOptions {
  readonly printMetadataKey?: string
  readonly printDetachedMetadataKey?: string
  readonly listMetadataKeys?: boolean
}

/** `bootc-sdk ostree log`: the commit, then its parents as far as they are here. */
export async function log(cli: Cli, options: RepoOptions, rev: string): Promise<void> {
  const repo = await openRepository(options)
  let last: LogEntry | undefined
  for await (const entry of logCommits(repo, rev)) {
    cli.signal.throwIfAborted()
    if (cli.out.closed) return
    await cli.out.write(forReader(cli, formatLogEntry(entry)))
    last = entry
  }
  if (last?.data.parent !== undefined) {
    await cli.out.write('<< History beyond this commit not fetched >>\n')
  }
}

/** `bootc-sdk ostree show`: one commit, or what its metadata says. */
export async function show(cli: Cli, options: ShowOptions, rev: string): Promise<void> {
  const repo = await openRepository(options)
  const checksum = await requireRev(repo, rev)
  if (options.listMetadataKeys === true) {
    const { metadata } = await repo.readCommit(checksum)
    for (const [key] of metadata) await cli.out.write(`${printable(key)}\n`)
  } else if (options.printMetadataKey !== undefined) {
    await printKey(cli, (await repo.readCommit(checksum)).metadata, options.printMetadataKey)
  } else if (options.printDetachedMetadataKey !== undefined) {
    await printKey(cli, (await repo.readDetached(checksum)) ?? [], options.printDetachedMetadataKey)
  } else {
    for await (const entry of logCommits(repo, checksum)) {
      await cli.out.write(forReader(cli, formatLogEntry(entry)))
      return
    }
  }
}

async function printKey(cli: Cli, metadata: VariantDict, key: string): Promise<void> {
  const found = metadata.find(([name]) => name === key)
  if (found === undefined) {
    throw new BootcError('STORE_METADATA_KEY_NOT_FOUND', `No such metadata key '${key}'`, {
      details: { key },
    })
  }
  await cli.out.write(`${variantText(found[1])}\n`)
}

/** A terminal obeys control characters in texts; everything else gets them as they are. */
function forReader(cli: Cli, text: string): string {
  return cli.out.isTerminal ? text.split('\n').map(printable).join('\n') : text
}
