import { BootcError } from '@bootc-sdk/core'

/** @param entry path of the member as the archive spells it */
export function tarUnsupported(entry: string, reason: string): BootcError<'IMAGE_TAR_UNSUPPORTED'> {
  return new BootcError('IMAGE_TAR_UNSUPPORTED', `layer entry ${show(entry)}: ${reason}`, {
    details: { entry, reason },
  })
}

/** A member that leads out of the root or has no usable name. */
export function tarPath(entry: string, reason: string): BootcError<'IMAGE_TAR_PATH'> {
  return new BootcError('IMAGE_TAR_PATH', `layer entry ${show(entry)}: ${reason}`, {
    details: { entry, reason },
  })
}

/** Members that cannot all be true: a file where a directory is, a hard link to nothing. */
export function tarConflict(entry: string, reason: string): BootcError<'IMAGE_TAR_CONFLICT'> {
  return new BootcError('IMAGE_TAR_CONFLICT', `layer entry ${show(entry)}: ${reason}`, {
    details: { entry, reason },
  })
}

/** A layer made from an OSTree commit that breaks its own rules. */
export function ostreeLayer(entry: string, reason: string): BootcError<'IMAGE_OSTREE_LAYER'> {
  return new BootcError('IMAGE_OSTREE_LAYER', `ostree layer entry ${show(entry)}: ${reason}`, {
    details: { entry, reason },
  })
}

/** Manifest and config that do not belong together. */
export function layout(
  reason: string,
  details: Readonly<Record<string, unknown>>,
): BootcError<'IMAGE_LAYOUT'> {
  return new BootcError('IMAGE_LAYOUT', reason, { details })
}

function show(entry: string): string {
  return JSON.stringify(entry.length > 200 ? `${entry.slice(0, 200)}…` : entry)
}
