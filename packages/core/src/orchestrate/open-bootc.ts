import { BootcError } from '../errors.js'
import type { Bootc, BootcParts } from './types.js'

/** Put a sysroot and what runs on it together. Reads nothing before the first call. */
export function openBootc(parts: BootcParts): Promise<Bootc> {
  void parts
  return Promise.reject(new BootcError('HOST_NOT_IMPLEMENTED', 'openBootc is being written'))
}
