import { basename, dirname, resolve } from 'node:path'
import { nodeDir } from '@bootc-sdk/core/node'
import { requireRev } from '@bootc-sdk/ostree-backend'
import { UsageError, type Cli } from '../io.js'
import { openRepository, type RepoOptions } from './repository.js'

interface CheckoutFlags extends RepoOptions {
  readonly userMode?: boolean
  readonly requireHardlinks?: boolean
  readonly forceCopy?: boolean
  readonly union?: boolean
  readonly unionAdd?: boolean
  readonly unionIdentical?: boolean
  readonly whiteouts?: boolean
  readonly subpath?: string
}

/** `bootc-sdk ostree checkout`. */
export async function checkout(
  cli: Cli,
  options: CheckoutFlags,
  rev: string,
  destination: string,
): Promise<void> {
  const unions = [options.union, options.unionAdd, options.unionIdentical].filter((flag) => flag === true)
  if (unions.length > 1) throw new UsageError('choose one of --union, --union-add and --union-identical')
  const repo = await openRepository(options)
  const commit = await requireRev(repo, rev)
  const target = resolve(destination)
  const overwrite =
    options.union === true
      ? 'union-files'
      : options.unionAdd === true
        ? 'add-files'
        : options.unionIdentical === true
          ? 'union-identical'
          : 'none'
  await repo.checkout(commit, nodeDir(dirname(target)), {
    path: basename(target),
    signal: cli.signal,
    overwrite,
    ...(options.userMode === true ? { mode: 'user' as const } : {}),
    ...(options.subpath === undefined ? {} : { subpath: options.subpath.replace(/^\/+|\/+$/g, '') }),
    forceCopy: options.forceCopy === true,
    hardlinksOnly: options.requireHardlinks === true,
    whiteouts: options.whiteouts === true,
  })
}
