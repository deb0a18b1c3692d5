import type { Digest, OpOptions, Warning } from './common.js'
import type { SysrootLock } from './sysroot.js'
import type { ReadTree } from './tree.js'
import type { DeploymentId } from './store.js'

/** Which of two sets of entries is active, as in libostree. */
export type BootVersion = 0 | 1

/** A file to be put on a boot volume. */
export interface BootFile {
  /** Name in the artifact's directory. */
  readonly name: string
  readonly tree: ReadTree
  readonly path: string
  readonly sizeBytes: number
  /** Host path of the source, so that loaders on the same file system can hard-link. */
  readonly hostPath?: string
}

export type BootArtifact = {
  /** Shared by every deployment with the same kernel and initrd. */
  readonly bootDigest: Digest
  /** Directory below the boot volume: `ostree/default-<sha256>`. */
  readonly dir: string
} & (
  | {
      readonly kind: 'linux'
      readonly kernel: BootFile
      readonly initrds: readonly BootFile[]
      readonly devicetree?: BootFile
      /** Installed beside, named by no key of the entry (HMAC files). */
      readonly extra?: readonly BootFile[]
    }
  | {
      readonly kind: 'uki'
      readonly image: BootFile
      readonly addons: readonly BootFile[]
      readonly cmdline: string
    }
)

/** What one entry must boot; made by a store, written by a loader. */
export interface BootSpec {
  readonly id: DeploymentId
  readonly title: string
  readonly version: string
  readonly osId: string
  readonly artifact: BootArtifact
  /** Select the deployment (`ostree=…`); they replace equal keys in `kargs` in place, else are appended. */
  readonly rootKargs: readonly string[]
  readonly kargs: readonly string[]
  /** When the format fixes the file name. */
  readonly fileName?: string
  /**
   * When other tools of the format replace `loader/entries` as a whole: `exchange` keeps it a real directory,
   * prepares `loader/entries.staged` and swaps the two. Absent: the loader's own way.
   */
  readonly entrySet?: 'exchange'
  /** When the store's own configuration fixes how paths in entries start. */
  readonly bootPrefix?: '/' | '/boot/'
  /** Other keys to keep in the entry (`x-options-source-*`). */
  readonly extra?: readonly (readonly [key: string, value: string])[]
}

/** An entry as found. */
export interface BootEntry {
  /** Name of the loader's file for it. */
  readonly fileName: string
  readonly title: string
  readonly version: string
  /** Whole kernel command line. */
  readonly options: string
  readonly linux?: string
  readonly initrds: readonly string[]
  readonly devicetree?: string
  /** Other keys, in order. */
  readonly extra: readonly (readonly [key: string, value: string])[]
}

/** What a change would do. Plain data beside the specs; made by `plan`, which writes nothing. */
export interface BootPlan {
  readonly version: BootVersion
  /** False when the active set already says exactly this (then `prepare` and `commit` do nothing). */
  readonly changed: boolean
  /** Bytes to be written per volume, by role. */
  readonly bytesNeeded: { readonly boot: number; readonly esp: number }
  readonly specs: readonly BootSpec[]
}

export interface Bootloader {
  readonly name: string
  readonly supports: { readonly atomic: boolean; readonly uki: boolean; readonly bootCounting: boolean }
  /** Active entries in boot order (first is the default), and those of a prepared, not committed set. */
  read(): Promise<{
    readonly version?: BootVersion
    readonly entries: readonly BootEntry[]
    readonly prepared: readonly BootEntry[]
  }>
  plan(specs: readonly BootSpec[], version: BootVersion): Promise<BootPlan>
  /** Artifacts and the inactive set of entries; repeatable. @throws `BOOT_NO_SPACE` */
  prepare(plan: BootPlan, lock: SysrootLock, options?: OpOptions): Promise<void>
  /** The one visible step; syncs before and after. */
  commit(plan: BootPlan, lock: SysrootLock): Promise<void>
  /** Remove inactive sets and artifacts that no kept entry points at (kernels are shared). */
  prune(keep: readonly BootEntry[], lock: SysrootLock): Promise<void>
  markGood?(entry: BootEntry, lock: SysrootLock): Promise<void>
  install?(lock: SysrootLock, options?: OpOptions & { firmwareVariables?: boolean }): Promise<Warning[]>
}
