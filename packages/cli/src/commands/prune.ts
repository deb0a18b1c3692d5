import type { Cli } from '../io.js'
import { openSystem, type SystemOptions } from './open-system.js'
import { prepareForWrite } from './prepare-for-write.js'
import { prunedLines } from './print-change.js'

/** `bootc-sdk prune`. */
export async function prune(cli: Cli, options: SystemOptions): Promise<void> {
  await prepareForWrite(options)
  const bootc = await openSystem(cli, options)
  const lines = prunedLines(await bootc.prune({ signal: cli.signal }))
  await cli.out.write(`${lines[0] ?? 'Nothing to prune'}\n`)
}
