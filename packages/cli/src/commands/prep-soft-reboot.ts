import { UsageError, type Cli } from '../io.js'
import { openSystem, type SystemOptions } from './open-system.js'
import { prepareForWrite } from './prepare-for-write.js'
import { printWarnings } from './print-change.js'
import { waitForReboot } from './reboot.js'

interface PrepSoftRebootFlags extends SystemOptions {
  readonly reset?: boolean
  readonly reboot?: boolean
}

/** `bootc-sdk internals prep-soft-reboot`, with the words of bootc. */
export async function prepSoftReboot(cli: Cli, options: PrepSoftRebootFlags, id?: string): Promise<void> {
  if ((id === undefined) !== (options.reset === true)) {
    throw new UsageError('either a deployment or --reset is needed')
  }
  await prepareForWrite(cli, options)
  const bootc = await openSystem(cli, options)
  if (id === undefined) {
    const { changed } = await bootc.resetSoftReboot({ signal: cli.signal })
    const text = changed ? 'Cleared soft reboot queued state' : 'No deployment staged for soft rebooting'
    return void (await cli.out.write(`${text}\n`))
  }
  const result = await bootc.prepareSoftReboot(id, { signal: cli.signal, apply: options.reboot === true })
  await printWarnings(cli, result.warnings)
  await cli.out.write('Soft reboot setup complete\n')
  await waitForReboot(cli, result.rebootRequested)
}
