import { BootcError } from '../errors.js'

/** The bytes are no tar archive, or a damaged or truncated one. `offset` is in bytes from its start. */
export function tarCorrupt(problem: string, offset: number): BootcError {
  return new BootcError('IMAGE_TAR_CORRUPT', `tar archive at byte ${offset}: ${problem}`, {
    details: { offset, problem },
  })
}

/** Well formed, but of a kind that readers understand differently or that cannot be in an image. */
export function tarUnsupported(problem: string, offset: number): BootcError {
  return new BootcError('IMAGE_TAR_UNSUPPORTED', `tar archive at byte ${offset}: ${problem}`, {
    details: { offset, problem },
  })
}

/** A limit of `TarOptions` was passed. */
export function tarLimit(what: string, limit: number, offset: number): BootcError {
  return new BootcError(
    'IMAGE_TAR_LIMIT',
    `tar archive at byte ${offset}: ${what} beyond the limit of ${limit}`,
    {
      details: { offset, what, limit },
    },
  )
}
