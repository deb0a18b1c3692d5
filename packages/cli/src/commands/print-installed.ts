import type { InstallResult, Warning } from '@bootc-sdk/core'
import { printSignedReference } from '@bootc-sdk/core'
import type { Cli } from '../io.js'
import { printable } from '../format.js'
import { boundLines, printWarnings } from './print-change.js'

/** End of every installation; with `--json` one object, as small as what others need to go on. */
export async function printInstalled(
  cli: Cli,
  { json = false, quiet = false }: { readonly json?: boolean; readonly quiet?: boolean },
  result: InstallResult,
  more: { readonly warnings?: readonly Warning[]; readonly disk?: Readonly<Record<string, unknown>> } = {},
): Promise<void> {
  const warnings = [...result.warnings, ...(more.warnings ?? [])]
  await printWarnings(cli, warnings)
  if (json) {
    await cli.out.write(`${JSON.stringify({ ...summary(result), ...more.disk, warnings }, undefined, 2)}\n`)
    return
  }
  if (!quiet) {
    await cli.err.write(`boot entries are for ${result.bootloader}: ${printable(result.bootloaderReason)}\n`)
  }
  for (const line of boundLines(result)) await cli.out.write(`${line}\n`)
  await cli.out.write(`Digest: ${result.image.manifestDigest}\n`)
  await cli.out.write(`Bootloader: ${result.bootloaderInstalled ? result.bootloader : 'none'}\n`)
  await cli.out.write('Installation complete!\n')
}

function summary(result: InstallResult): Readonly<Record<string, unknown>> {
  const { image, pull, config: _config, warnings: _warnings, ...rest } = result
  return {
    ...rest,
    image: {
      reference: printSignedReference(image.reference),
      manifestDigest: image.manifestDigest,
      configDigest: image.configDigest,
      version: image.version,
      architecture: image.architecture,
      id: pull.image.id,
    },
  }
}
