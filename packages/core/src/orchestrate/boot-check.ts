import { BootcError } from '../errors.js'
import type { Context } from './context.js'
import type { BootCheckOptions, BootCheckResult } from './trial-types.js'

/** Judge the running system. */
export function bootCheck(context: Context, options: BootCheckOptions): Promise<BootCheckResult> {
  void [context, options]
  return Promise.reject(new BootcError('HOST_UNSUPPORTED', 'not yet'))
}
