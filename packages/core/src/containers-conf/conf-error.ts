import { BootcError } from '../errors.js'

/** A configuration file of registries that cannot be understood: nothing is guessed from it. */
export function confInvalid(path: string, problem: string, cause?: unknown): BootcError {
  return new BootcError('TRANSPORT_CONFIG_INVALID', `${path}: ${problem}`, { details: { path }, cause })
}

/** A policy that cannot be understood: nothing may be pulled under it. */
export function policyInvalid(path: string, problem: string, cause?: unknown): BootcError {
  return new BootcError('IMAGE_POLICY_INVALID', `${path}: ${problem}`, { details: { path }, cause })
}

/** The first line of an error's message, for a message of ours. */
export function problemOf(error: unknown): string {
  return error instanceof Error ? error.message.split('\n')[0]!.slice(0, 300) : String(error)
}
