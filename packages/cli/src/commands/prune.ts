import { formatBytes } from '../format.js'
import type { Cli } from '../io.js'
import { partialBlobsDir } from './cache-dir.js'
import { openSystem, type SystemOptions } from './open-system.js'
import { prepareForWrite } from './prepare-for-write.js'
import { prunedLines } from './print-change.js'

/** `bootc-sdk prune`. */
export async function prune(cli: Cli, options: SystemOptions): Promise<void> {
  await prepareForWrite(cli, options)
  const bootc = await openSystem(cli, options)
  const lines = prunedLines(await bootc.prune({ signal: cli.signal }))
  const { sweepPartialBlobs } = await import('@bootc-sdk/core/transports')
  const freed = await sweepPartialBlobs({ dir: partialBlobsDir(cli.env), maxAgeMs: 0 })
  if (freed > 0) lines.push(`Removed unfinished downloads: ${formatBytes(freed)}`)
  await cli.out.write(`${lines.length === 0 ? 'Nothing to prune' : lines.join('\n')}\n`)
}
