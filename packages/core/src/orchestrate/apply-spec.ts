import { BootcError } from '../errors.js'
import type { OpOptions } from '../interfaces/index.js'
import { emptyState, loadState } from './load.js'
import type { Context } from './context.js'
import { sameReference } from './followed.js'
import { rollback } from './rollback.js'
import { specOf } from './spec-of.js'
import { switchImage } from './switch.js'
import type { ApplySpecResult, HostSpec } from './types.js'

/**
 * Make the host follow an edited specification (bootc.md §10).
 *
 * @throws BootcError `DEPLOY_SPEC_INVALID` for an image change together with an order change, and for none
 */
export async function applySpec(
  context: Context,
  spec: HostSpec,
  options: OpOptions,
): Promise<ApplySpecResult> {
  const backends = await context.backends.current()
  const state =
    backends === undefined ? emptyState(context.sysroot) : await loadState(context.sysroot, backends)
  const now = specOf(state)
  const turned = spec.bootOrder !== now.bootOrder
  const imageChanged =
    spec.image === undefined || now.image === undefined
      ? spec.image !== now.image
      : !sameReference(spec.image, now.image)
  if (!turned && !imageChanged) return { kind: 'unchanged' }
  if (turned && imageChanged) {
    throw new BootcError('DEPLOY_SPEC_INVALID', 'Invalid state transition: rollback and image change')
  }
  if (turned)
    return { kind: 'rollback', result: await rollback(context, { ...options, discardStaged: true }) }
  if (spec.image === undefined) {
    throw new BootcError('DEPLOY_SPEC_INVALID', 'Missing image in specification')
  }
  return { kind: 'image', result: await switchImage(context, spec.image, options) }
}
