import { BootcError } from '../errors.js'
import type { DeploymentId, OpOptions } from '../interfaces/index.js'
import { withWriter, type Context } from './context.js'
import type { PinResult } from './types.js'

/** Keep a deployment from being removed, or let it go. @throws BootcError `DEPLOY_NOT_FOUND`, `DEPLOY_STAGED` */
export function pinDeployment(
  context: Context,
  id: DeploymentId,
  pinned: boolean,
  options: OpOptions,
): Promise<PinResult> {
  return withWriter(context, options, async ({ state, store, lock }) => {
    if (state.stagedRecord?.id === id) {
      throw new BootcError('DEPLOY_STAGED', `deployment ${id} is staged and cannot be pinned`, {
        details: { deployment: id },
      })
    }
    const found = [...state.order, state.booted].find((entry) => entry?.id === id)
    if (found === undefined) {
      throw new BootcError('DEPLOY_NOT_FOUND', `there is no deployment ${id}`, {
        details: { deployment: id, deployments: state.order.map((entry) => entry.id) },
      })
    }
    if (found.deployment.pinned === pinned) return { deployment: id, pinned, changed: false }
    await store.deployments.setPinned(id, pinned, lock)
    return { deployment: id, pinned, changed: true }
  })
}
