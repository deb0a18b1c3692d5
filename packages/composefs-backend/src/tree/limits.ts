import { BootcError } from '@bootc-sdk/core'
import type { TarOptions } from '@bootc-sdk/core/tar'

/** Bounds of what a tree may hold, whoever made its source. */
export interface TreeLimits {
  /** Names of all layers together, whiteouts included. Default 4 million. */
  readonly maxEntries?: number
  /** Bytes of names, link targets and attributes of all layers together, which are held in memory. Default 512 MiB. */
  readonly maxTextBytes?: number
  /** Of the archives: name and header lengths, depth, bytes of a layer. */
  readonly tar?: Omit<TarOptions, 'paxGlobal' | 'strictEnd' | 'maxEntries'>
}

export const defaultMaxEntries = 4_000_000

/** A large system with labels takes a fifth; an image of more than 1 GiB cannot be read anyway. */
export const defaultMaxTextBytes = 512 << 20

/** Directories below each other: what PATH_MAX has room for, and what walks by recursion bear. */
export const maxTreeDepth = 2048

/** A name in a directory of Linux and of EROFS. */
export const maxNameBytes = 255

/** A link target of Linux: PATH_MAX without the NUL. */
export const maxTargetBytes = 4095

/** Files up to this size lie in the image (and in splitstreams) themselves. */
export const maxInlineBytes = 64

/** @param path for people; the details carry it too */
export function badLayer(diffId: string, path: string, reason: string): BootcError {
  return new BootcError(
    'STORE_COMPOSEFS_BAD_LAYER',
    `layer ${diffId}: ${JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path)} ${reason}`,
    { details: { diffId, path, reason } },
  )
}
