import type { Cli } from '../io.js'
import { formatBytes } from '../format.js'
import { openRepository, type RepoOptions } from './repository.js'

interface PruneFlags extends RepoOptions {
  readonly refsOnly?: boolean
  /** False with --no-prune. */
  readonly prune: boolean
  readonly depth: number
}

/** `bootc-sdk ostree prune`. */
export async function prune(cli: Cli, options: PruneFlags): Promise<void> {
  const repo = await openRepository(options)
  const dryRun = !options.prune
  const { total, pruned, bytes } = await repo.prune({
    signal: cli.signal,
    refsOnly: options.refsOnly === true,
    depth: options.depth,
    dryRun,
  })
  await cli.out.write(`Total objects: ${total}\n`)
  if (pruned === 0) await cli.out.write('No unreachable objects\n')
  else if (dryRun) await cli.out.write(`Would delete: ${pruned} objects, freeing ${formatBytes(bytes)}\n`)
  else await cli.out.write(`Deleted ${pruned} objects, ${formatBytes(bytes)} freed\n`)
}
