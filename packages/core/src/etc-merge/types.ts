import type { OpOptions } from '../interfaces/common.js'
import type { ReadTree } from '../interfaces/tree.js'

/**
 * Whose rules: `ostree` is libostree's merge (attributes of directories count little, extended attributes not
 * at all), `composefs` is bootc's for its composefs backend (everything counts).
 */
export type EtcPolicy = 'ostree' | 'composefs'

/** Local changes to /etc, in the order of a walk in byte order of names. Paths are relative to /etc. */
export interface EtcDiff {
  readonly modified: readonly string[]
  /** Without what was below a removed directory. */
  readonly removed: readonly string[]
  /** With everything below an added directory. */
  readonly added: readonly string[]
}

/** A local change that cannot be applied because the new default is of another kind. */
export interface EtcConflict {
  readonly path: string
  /** What the new image has at the path (or above it). */
  readonly kind: 'default-is-directory' | 'default-is-file'
  readonly message: string
}

/** What a merge does, or did. */
export interface EtcMergeReport extends EtcDiff {
  readonly conflicts: readonly EtcConflict[]
  /** Modified here and changed in the new image as well: the local version stays. */
  readonly shadowed: readonly string[]
  /** Local changes that are not carried over: devices, pipes and sockets, and content that policy passes over. */
  readonly skipped: readonly string[]
}

/** The three sides of the merge. */
export interface EtcTrees {
  /** Defaults of the deployment that `current` was made from. */
  readonly pristine: ReadTree
  /** Its /etc as it is now. */
  readonly current: ReadTree
  /** Defaults of the new deployment. */
  readonly fresh: ReadTree
}

export interface EtcOptions extends OpOptions {
  /** Default `ostree`. */
  readonly policy?: EtcPolicy
}
