import type { Cli } from '../io.js'
import { formatBytes } from '../format.js'
import { openRepository } from './repository.js'

interface GcFlags {
  readonly repo: string
  readonly dryRun?: boolean
  readonly root?: readonly string[]
}

/** `bootc-sdk composefs gc`. A root is an image id or the content id of a stream. */
export async function gc(cli: Cli, options: GcFlags): Promise<void> {
  await using repo = await openRepository(options.repo)
  const roots = options.root ?? []
  const dryRun = options.dryRun === true
  const result = await repo.gc(
    {
      images: roots.filter((name) => /^[0-9a-f]{64}([0-9a-f]{64})?$/.test(name)),
      streams: roots.filter((name) => !/^[0-9a-f]{64}([0-9a-f]{64})?$/.test(name)),
    },
    { signal: cli.signal, dryRun },
  )
  if (dryRun) await cli.out.write('Dry run (no files deleted):\n')
  await cli.out.write(`Objects: ${result.objects} removed (${formatBytes(result.bytes)})\n`)
  if (result.images + result.streams > 0) {
    await cli.out.write(`Pruned symlinks: ${result.images} images, ${result.streams} streams\n`)
  }
}
