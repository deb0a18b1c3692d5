import type { Cli } from '../io.js'
import { openSystem, type SystemOptions } from './open-system.js'
import { prepareForWrite } from './prepare-for-write.js'
import { printWarnings } from './print-change.js'
import { waitForReboot } from './reboot.js'

interface RollbackFlags extends SystemOptions {
  readonly apply?: boolean
}

/** `bootc-sdk rollback`: a toggle; what was staged is given up, as with bootc. */
export async function rollback(cli: Cli, options: RollbackFlags): Promise<void> {
  await prepareForWrite(options)
  const bootc = await openSystem(cli, options)
  const result = await bootc.rollback({
    signal: cli.signal,
    discardStaged: true,
    apply: options.apply === true,
  })
  await printWarnings(cli, result.warnings)
  if (result.reverted) await cli.out.write('notice: Reverting queued rollback state\n')
  await cli.out.write(`Next boot: ${result.next} deployment\n`)
  await waitForReboot(cli, result.rebootRequested)
}
