import { BootcError } from '@bootc-sdk/core'
import { finalizeFileSystems, nodeSysroot } from '@bootc-sdk/core/node'
import type { Cli } from '../io.js'
import { findPlace } from './install-place.js'
import { openParts } from './open-system.js'
import { printWarnings } from './print-change.js'

/** `bootc-sdk install finalize`. */
export async function installFinalize(cli: Cli, _options: object, dir: string): Promise<void> {
  if (process.geteuid?.() !== 0) {
    throw new BootcError('HOST_NOT_ROOT', 'This command must be executed as the root user')
  }
  const { physical, mountedBelow } = await findPlace(dir)
  const sysroot = nodeSysroot(physical, { mountedBelow })
  const bootc = await openParts(cli, sysroot, {})
  const { order } = await bootc.status()
  if (order.length === 0) {
    throw new BootcError('SYSROOT_NOT_INITIALIZED', `Failed to find deployment in ${dir}`, {
      details: { path: dir },
    })
  }
  await printWarnings(cli, await finalizeFileSystems(sysroot, { signal: cli.signal }))
}
