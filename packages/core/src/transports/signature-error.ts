import { BootcError } from '../errors.js'

/** What lies where signatures are kept, and is none. */
export function signatureInvalid(where: string, problem: string, cause?: unknown): BootcError {
  return new BootcError('IMAGE_SIGNATURE_INVALID', `${where}: ${problem}`, { details: { where }, cause })
}
