import type { Cli } from '../io.js'
import { openSystem, type SystemOptions } from './open-system.js'
import { prepareForWrite } from './prepare-for-write.js'
import { printWarnings } from './print-change.js'

/** `bootc-sdk finalize-staged`. */
export async function finalize(cli: Cli, options: SystemOptions): Promise<void> {
  await prepareForWrite(cli, options)
  const bootc = await openSystem(cli, options)
  const result = await bootc.finalize({ signal: cli.signal })
  await printWarnings(cli, result.warnings)
  switch (result.outcome) {
    case 'nothing-staged':
      await cli.out.write('Nothing is staged\n')
      break
    case 'locked':
      await cli.out.write('The staged deployment is locked; not applied\n')
      break
    case 'finalized': {
      await cli.out.write('The staged deployment is now the default\n')
      if (result.etc !== undefined) {
        const { modified, removed, added } = result.etc
        await cli.out.write(`/etc: ${modified} modified, ${removed} removed, ${added} added carried over\n`)
      }
    }
  }
}
