import type { SoftRebootMode } from '@bootc-sdk/core'
import { displaySignedReference } from '@bootc-sdk/core/oci'
import type { Cli } from '../io.js'
import { openSystem, type NetworkOptions, type SystemOptions } from './open-system.js'
import { prepareForWrite } from './prepare-for-write.js'
import { changeLines, printWarnings, softRebootLines } from './print-change.js'
import { waitForReboot } from './reboot.js'
import { withProgress, type ProgressOptions } from './with-progress.js'

interface UpgradeFlags extends SystemOptions, NetworkOptions, ProgressOptions {
  readonly check?: boolean
  readonly apply?: boolean
  readonly downloadOnly?: boolean
  readonly fromDownloaded?: boolean
  readonly tag?: string
  readonly retryFailed?: boolean
  readonly softReboot?: SoftRebootMode
}

/** `bootc-sdk upgrade`. */
export async function upgrade(cli: Cli, options: UpgradeFlags): Promise<void> {
  await prepareForWrite(cli, options)
  const bootc = await openSystem(cli, options, options)
  const result = await withProgress(cli, options, options.check !== true, (_progress, operation) =>
    bootc.upgrade({
      ...operation,
      check: options.check === true,
      apply: options.apply === true,
      downloadOnly: options.downloadOnly === true,
      fromDownloaded: options.fromDownloaded === true,
      retryFailed: options.retryFailed === true,
      softReboot: options.softReboot,
      ...(options.tag === undefined ? {} : { tag: options.tag }),
    }),
  )
  await printWarnings(cli, result.warnings)
  let lines = changeLines(result)
  if (options.check === true && result.outcome === 'up-to-date' && result.image !== undefined) {
    lines = [`No changes in: ${displaySignedReference(result.image.reference)}`]
  } else if (options.fromDownloaded === true && result.outcome === 'already-staged') {
    lines = [
      result.lockChanged === 'unlocked'
        ? 'Staged deployment will now be applied on reboot'
        : 'Staged deployment is already set to apply on reboot',
    ]
  }
  for (const line of [...lines, ...softRebootLines(result)]) await cli.out.write(`${line}\n`)
  await waitForReboot(cli, result.rebootRequested)
}
