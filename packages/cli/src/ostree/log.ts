import { createHash } from 'node:crypto'
import { BootcError } from '@bootc-sdk/core'
import type { Commit, OstreeRepo, VariantDict } from '@bootc-sdk/ostree-backend'
import type { Cli } from '../io.js'
import { printable } from '../format.js'
import { openRepository, resolveCommit, type RepoOptions } from './repository.js'
import { variantText } from './variant-text.js'

interface ShowOptions extends RepoOptions {
  readonly printMetadataKey?: string
  readonly printDetachedMetadataKey?: string
  readonly listMetadataKeys?: boolean
}

/** `bootc-sdk ostree log`: the commit, then its parents as far as they are here. */
export async function log(cli: Cli, options: RepoOptions, rev: string): Promise<void> {
  const repo = await openRepository(options)
  let checksum: string | undefined = await resolveCommit(repo, rev)
  while (checksum !== undefined && !cli.out.closed) {
    cli.signal.throwIfAborted()
    const commit: Commit = await repo.readCommit(checksum)
    await cli.out.write(`${commitText(checksum, commit)}\n`)
    checksum = commit.parent
    if (checksum !== undefined && !(await repo.has('commit', checksum))) {
      await cli.out.write('<< History beyond this commit not fetched >>\n')
      return
    }
  }
}

/** `bootc-sdk ostree show`: one commit, or what its metadata says. */
export async function show(cli: Cli, options: ShowOptions, rev: string): Promise<void> {
  const repo = await openRepository(options)
  const checksum = await resolveCommit(repo, rev)
  const commit = await repo.readCommit(checksum)
  if (options.listMetadataKeys === true) {
    for (const [key] of commit.metadata) await cli.out.write(`${printable(key)}\n`)
  } else if (options.printMetadataKey !== undefined) {
    await printKey(cli, commit.metadata, options.printMetadataKey)
  } else if (options.printDetachedMetadataKey !== undefined) {
    await printKey(cli, await detached(repo, checksum), options.printDetachedMetadataKey)
  } else {
    await cli.out.write(`${commitText(checksum, commit)}\n`)
  }
}

async function detached(repo: OstreeRepo, checksum: string): Promise<VariantDict> {
  return (await repo.readDetached(checksum)) ?? []
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

/** As ostree prints a commit; ends with a newline after its last line of text. */
function commitText(checksum: string, commit: Commit): string {
  const version = commit.metadata.find(([key]) => key === 'version')?.[1]
  const lines = [
    `commit ${checksum}`,
    ...(commit.parent === undefined ? [] : [`Parent:  ${commit.parent}`]),
    `ContentChecksum:  ${contentChecksum(commit)}`,
    `Date:  ${date(commit.timestamp)}`,
    ...(version?.type === 's' ? [`Version: ${printable(version.value as string)}`] : []),
  ]
  if (commit.subject === '') return `${lines.join('\n')}\n(no subject)\n`
  const indented = (text: string): string =>
    text
      .split('\n')
      .map((line) => `    ${printable(line)}`.trimEnd())
      .join('\n')
  const body = commit.body === '' ? '' : `\n${indented(commit.body)}\n`
  return `${lines.join('\n')}\n\n${indented(commit.subject)}\n${body}`
}

/** sha256 over the two root checksums: equal for commits of equal trees. */
function contentChecksum(commit: Commit): string {
  return createHash('sha256')
    .update(Buffer.from(commit.rootTree, 'hex'))
    .update(Buffer.from(commit.rootMeta, 'hex'))
    .digest('hex')
}

function date(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ')} +0000`
}
