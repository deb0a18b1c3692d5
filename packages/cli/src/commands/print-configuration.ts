import {
  installConfigDirectories,
  printInstallConfig,
  readInstallConfig,
} from '@bootc-sdk/core/install-config'
import { nodeDir, nodeHost } from '@bootc-sdk/core/node'
import type { Cli } from '../io.js'
import { printWarnings } from './print-change.js'
import { existingDirectory } from './install-place.js'

/** `bootc-sdk install print-configuration`. */
export async function printConfiguration(
  cli: Cli,
  options: { readonly all?: boolean; readonly root: string },
): Promise<void> {
  const tree = nodeDir(await existingDirectory(options.root))
  const { config, warnings } = await readInstallConfig(await installConfigDirectories(tree), nodeHost().arch)
  await printWarnings(cli, warnings)
  // No line end, as from bootc.
  await cli.out.write(printInstallConfig(config, { all: options.all === true }))
}
