import { BootcError } from '@bootc-sdk/core'
import { requireRev } from '@bootc-sdk/ostree-backend'
import { UsageError, type Cli } from '../io.js'
import { printable } from '../format.js'
import { openRepository, type RepoOptions } from './repository.js'

interface RefsOptions extends RepoOptions {
  readonly list?: boolean
  readonly revision?: boolean
  readonly delete?: boolean
  readonly create?: string
  readonly force?: boolean
}

/** `bootc-sdk ostree refs`: with a prefix, names are printed without it unless --list is given. */
export async function refs(cli: Cli, options: RefsOptions, prefixes: readonly string[]): Promise<void> {
  const repo = await openRepository(options)
  if (options.create !== undefined) {
    const [rev, ...more] = prefixes
    if (rev === undefined || more.length > 0) throw new UsageError('--create needs exactly one commit or ref')
    const checksum = await requireRev(repo, rev)
    if (options.force !== true && (await repo.listRefs()).has(options.create)) {
      throw new BootcError('STORE_REF_EXISTS', `Ref ${options.create} exists; --force overwrites it`, {
        details: { ref: options.create },
      })
    }
    await using transaction = await repo.begin({ signal: cli.signal })
    transaction.setRef(options.create, checksum)
    await transaction.commit()
    return
  }
  if (options.delete === true) {
    if (prefixes.length === 0) throw new UsageError('--delete needs at least one prefix')
    await using transaction = await repo.begin({ signal: cli.signal })
    for (const prefix of prefixes) {
      for (const name of (await repo.listRefs(prefix)).keys()) transaction.setRef(name, undefined)
    }
    await transaction.commit()
    return
  }
  for (const prefix of prefixes.length === 0 ? [undefined] : prefixes) {
    const found = [...(await repo.listRefs(prefix))].sort(([a], [b]) =>
      Buffer.compare(Buffer.from(a), Buffer.from(b)),
    )
    for (const [name, checksum] of found) {
      const shown = prefix === undefined || options.list === true ? name : withoutPrefix(name, prefix)
      await cli.out.write(`${printable(shown)}${options.revision === true ? `\t${checksum}` : ''}\n`)
    }
  }
}

function withoutPrefix(name: string, prefix: string): string {
  const base = prefix.endsWith('/') || prefix.endsWith(':') ? prefix : `${prefix}/`
  return name.startsWith(base) ? name.slice(base.length) : name
}

/** `bootc-sdk ostree rev-parse`. */
export async function revParse(cli: Cli, options: RepoOptions, revs: readonly string[]): Promise<void> {
  const repo = await openRepository(options)
  for (const rev of revs) await cli.out.write(`${await requireRev(repo, rev)}\n`)
}
