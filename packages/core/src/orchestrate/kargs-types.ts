import type { BootEntry, DeploymentId, OpOptions, Warning } from '../interfaces/index.js'
import type { KargsEdit } from '../kargs/edit.js'

/** Kernel arguments of the deployment that a change would be about. Plain data. */
export interface KargsFacts {
  readonly deployment: DeploymentId
  readonly role: 'staged' | 'booted' | 'default'
  /** In order, with those that lead to the deployment. */
  readonly kargs: readonly string[]
  /** What sources own (`loader-entries set-options-for-source`). */
  readonly sources: readonly { readonly source: string; readonly kargs: readonly string[] }[]
}

export interface KargsEditOptions extends OpOptions, KargsEdit {
  /** The whole list; further changes apply to it. */
  readonly set?: readonly string[]
  /** Take over what `/etc/bootc/kargs.d` says now. */
  readonly fromEtc?: boolean
}

/** Plain data. */
export interface KargsResult {
  /**
   * `staged`: a deployment with these arguments waits for the shutdown. `rewritten`: the boot entry has them now,
   * in stores that can deploy an image once only, and on a sysroot that is not running.
   */
  readonly outcome: 'unchanged' | 'staged' | 'rewritten'
  readonly deployment: DeploymentId
  readonly kargs: readonly string[]
  /** It is staged, and locked (`--download-only`) as it was before. */
  readonly locked?: boolean
  readonly warnings: readonly Warning[]
}

/** A boot entry with what it leads to. Plain data. */
export interface EntryFacts {
  readonly entry: BootEntry
  /** Absent for an entry that no deployment answers to: its deployment is damaged or gone. */
  readonly deployment?: DeploymentId
  readonly default: boolean
  readonly booted: boolean
  readonly sources: KargsFacts['sources']
}

/** Plain data. */
export interface BootOnceResult {
  /** Absent when the choice was taken back. */
  readonly entry?: BootEntry
}
