import { BootcError } from '@bootc-sdk/core'
import type { Cli } from '../io.js'
import { findInCommit } from './find-in-commit.js'
import { openRepository, resolveCommit, type RepoOptions } from './repository.js'

/** `bootc-sdk ostree cat`. */
export async function cat(
  cli: Cli,
  options: RepoOptions,
  rev: string,
  paths: readonly string[],
): Promise<void> {
  const repo = await openRepository(options)
  const commit = await resolveCommit(repo, rev)
  for (const path of paths) {
    const found = await findInCommit(repo, commit, path)
    if (found === undefined) {
      throw new BootcError('TREE_NOT_FOUND', `No such file or directory: ${path}`, { details: { path } })
    }
    const regular =
      found.kind === 'file' && (await repo.fileHeader(found.checksum)).symlinkTarget === undefined
    if (!regular) throw new BootcError('TREE_NOT_FILE', `Not a regular file: ${path}`, { details: { path } })
    for await (const chunk of repo.fileContent(found.checksum)) {
      cli.signal.throwIfAborted()
      if (cli.out.closed) return
      await cli.out.write(chunk)
    }
  }
}
