import { encodeName } from '@bootc-sdk/core/names'
import { formatTreeEntry, lsTree } from '@bootc-sdk/ostree-backend'
import type { Cli } from '../io.js'
import { printable } from '../format.js'
import { openRepository, type RepoOptions } from './repository.js'

interface LsOptions extends RepoOptions {
  readonly dironly?: boolean
  readonly recursive?: boolean
  readonly checksum?: boolean
  readonly xattrs?: boolean
  readonly nulFilenamesOnly?: boolean
}

/** `bootc-sdk ostree ls`: `d00755 0 0      0 /usr`, files before directories, each in byte order. */
export async function ls(cli: Cli, options: LsOptions, rev: string, paths: readonly string[]): Promise<void> {
  const repo = await openRepository(options)
  for (const path of paths.length === 0 ? ['/'] : paths) {
    const entries = lsTree(repo, rev, path, {
      signal: cli.signal,
      recursive: options.recursive === true,
      directory: options.dironly === true,
    })
    for await (const entry of entries) {
      if (cli.out.closed) return
      if (options.nulFilenamesOnly === true) {
        await cli.out.write(Buffer.concat([encodeName(entry.path), Buffer.of(0)]))
        continue
      }
      const line = formatTreeEntry(entry, {
        checksums: options.checksum === true,
        xattrs: options.xattrs === true,
      })
      await cli.out.write(`${forReader(cli, line)}\n`)
    }
  }
}

/** A terminal obeys control characters in names; everything else gets the names as they are. */
function forReader(cli: Cli, line: string): string {
  return cli.out.isTerminal ? printable(line) : line
}
