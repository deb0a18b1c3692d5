import { catFile } from '@bootc-sdk/ostree-backend'
import type { Cli } from '../io.js'
import { openRepository, type RepoOptions } from './repository.js'

/** `bootc-sdk ostree cat`. */
export async function cat(
  cli: Cli,
  options: RepoOptions,
  rev: string,
  paths: readonly string[],
): Promise<void> {
  const repo = await openRepository(options)
  for (const path of paths) {
    for await (const chunk of catFile(repo, rev, path)) {
      cli.signal.throwIfAborted()
      if (cli.out.closed) return
      await cli.out.write(chunk)
    }
  }
}
