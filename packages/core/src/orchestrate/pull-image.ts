import { BootcError } from '../errors.js'
import type { PullImageOptions, PullResult } from './pull-types.js'

/** Bring an image into a store. */
export function pullImage(options: PullImageOptions): Promise<PullResult> {
  void options
  return Promise.reject(new BootcError('HOST_NOT_IMPLEMENTED', 'pullImage is being written'))
}
