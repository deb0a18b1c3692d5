import type { SoftRebootMode } from '@bootc-sdk/core'
import type { Cli } from '../io.js'
import { openSystem, type SystemOptions } from './open-system.js'
import { prepareForWrite } from './prepare-for-write.js'
import { printWarnings, softRebootLines } from './print-change.js'
import { waitForReboot } from './reboot.js'

interface RollbackFlags extends SystemOptions {
  readonly apply?: boolean
  readonly softReboot?: SoftRebootMode
}

/** `bootc-sdk rollback`: a toggle; what was staged is given up, as with bootc. */
export async function rollback(cli: Cli, options: RollbackFlags): Promise<void> {
  await prepareForWrite(cli, options)
  const bootc = await openSystem(cli, options)
  const result = await bootc.rollback({
    signal: cli.signal,
    discardStaged: true,
    apply: options.apply === true,
    softReboot: options.softReboot,
  })
  await printWarnings(cli, result.warnings)
  if (result.reverted) await cli.out.write('notice: Reverting queued rollback state\n')
  await cli.out.write(`Next boot: ${result.next} deployment\n`)
  for (const line of softRebootLines(result)) await cli.out.write(`${line}\n`)
  await waitForReboot(cli, result.rebootRequested)
}
