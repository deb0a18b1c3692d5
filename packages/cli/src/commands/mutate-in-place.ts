import { BootcError, type SignedImageReference } from '@bootc-sdk/core'
import { displaySignedReference } from '@bootc-sdk/core/oci'
import type { Cli } from '../io.js'
import { openSystem, type SystemOptions } from './open-system.js'

/** `switch --mutate-in-place`, for installers: only rewrite what the default deployment follows. */
export async function mutateInPlace(
  cli: Cli,
  options: SystemOptions,
  target: SignedImageReference,
): Promise<void> {
  const bootc = await openSystem(cli, options)
  const { defaultEntry } = await bootc.status({ signal: cli.signal })
  if (defaultEntry === undefined) {
    throw new BootcError('DEPLOY_NOT_FOUND', `no deployment below ${options.sysroot}`, {
      details: { sysroot: options.sysroot },
    })
  }
  const { deployments } = await bootc.store()
  await using lock = await bootc.sysroot.lock({ signal: cli.signal })
  await deployments.setOrigin(defaultEntry.id, target, lock)
  await cli.out.write(`Updated ${defaultEntry.id} to pull from ${displaySignedReference(target)}\n`)
}
