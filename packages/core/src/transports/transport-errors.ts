import { BootcError } from '../errors.js'
import type { ImageReference } from '../oci/reference.js'
import { printImageReference } from '../oci/parse-reference.js'

/** No such image, layout, tag or blob. */
export function notFound(
  what: string,
  details: Readonly<Record<string, unknown>>,
  cause?: unknown,
): BootcError {
  return new BootcError('TRANSPORT_NOT_FOUND', `${what} not found`, { details, cause })
}

/** A layout, archive or `dir:` that breaks the rules of its format. */
export function layoutInvalid(
  path: string,
  problem: string,
  details: Readonly<Record<string, unknown>> = {},
  cause?: unknown,
): BootcError {
  return new BootcError('IMAGE_LAYOUT_INVALID', `${path}: ${problem}`, {
    details: { path, ...details },
    cause,
  })
}

/** A manifest, index or config that is not what it should be. */
export function manifestInvalid(
  reference: ImageReference,
  problem: string,
  details: Readonly<Record<string, unknown>> = {},
  cause?: unknown,
): BootcError {
  const name = printImageReference(reference)
  return new BootcError('IMAGE_MANIFEST_INVALID', `${name}: ${problem}`, {
    details: { reference: name, ...details },
    cause,
  })
}
