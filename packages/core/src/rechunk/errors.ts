import { BootcError } from '../errors.js'

/** An entry or hard link that leads out of the image, or nowhere. */
export function tarPath(path: string, problem: string): BootcError {
  return new BootcError('IMAGE_TAR_PATH', `${quoted(path)}: ${problem}`, { details: { path, problem } })
}

/** Entries that exclude each other. */
export function tarConflict(path: string, problem: string): BootcError {
  return new BootcError('IMAGE_TAR_CONFLICT', `${quoted(path)}: ${problem}`, { details: { path, problem } })
}

/** An entry that no file system of an image can hold. */
export function tarUnsupported(path: string, problem: string): BootcError {
  return new BootcError('IMAGE_TAR_UNSUPPORTED', `${quoted(path)}: ${problem}`, {
    details: { path, problem },
  })
}

function quoted(path: string): string {
  return JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path)
}
