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
  /** Boot it on trial: tries to begin with. Only for loaders with `supports.bootCounting`. */
  readonly count?: BootCount
}

/** Boots of an entry on trial. An entry without tries left is booted only when there is no other. */
export interface BootCount {
  readonly left: number
  readonly done: number
}

/** An entry as found. */
export interface BootEntry {
  /** Name of the loader's file for it. */
  readonly fileName: string
  readonly title: string
  readonly version: string
  /** Whole kernel command line, also where a unified kernel image brings it. */
  readonly options: string
  /** The entry is on trial. */
  readonly count?: BootCount
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
  readonly supports: {
    /** The visible step is one change of the file system; else several, in an order that a power cut may part. */
    readonly atomic: boolean
    readonly uki: boolean
    /** Takes `BootSpec.count`. */
    readonly bootCounting: boolean
    /** Can boot an entry once. */
    readonly oneShot?: boolean
  }
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
  /** End the trial of an entry. Present when `supports.bootCounting`. */
  markGood?(entry: BootEntry, lock: SysrootLock): Promise<void>
  /** Boot this entry next time only; undefined takes it back. Present when `supports.oneShot`. */
  bootOnce?(entry: BootEntry | undefined, lock: SysrootLock): Promise<void>
  /** Programs of the loader as they are installed, beside what the root file system of an image brings. */
  programs?(tree?: ReadTree): Promise<readonly LoaderProgram[]>
  /** Put the loader itself on the machine, or with `update` a newer one where it is. */
  install?(lock: SysrootLock, options?: LoaderInstallOptions): Promise<Warning[]>
}

/** A program of a boot loader. Plain data. */
export interface LoaderProgram {
  /** Where its volume is mounted; without a path its place among the volumes, `ESP 2`. */
  readonly volume: string
  /** On the volume: `EFI/systemd/systemd-bootx64.efi`. */
  readonly path: string
  readonly version: string
  /** What the image brings in its place; absent when it brings nothing. */
  readonly shipped?: string
  /** An update would replace it. */
  readonly outdated: boolean
}

export interface LoaderInstallOptions extends OpOptions {
  /** Root file system of the image, which brings the loader. */
  readonly tree?: ReadTree
  /** Register with the firmware of this machine; default false, as for images of disks. */
  readonly firmwareVariables?: boolean
  /** Replace older versions of what is there, and nothing else. */
  readonly update?: boolean
  /** Make a random seed where there is none; default true. Not for images that many machines start from. */
  readonly randomSeed?: boolean
  /** Do not name the boot file system by UUID in the loader's own configuration (for bootupd). */
  readonly skipBootUuid?: boolean
  /** The disk is (also) to be started by BIOS; for loaders that can. */
  readonly bios?: BiosTarget
}

/** Where a loader goes that BIOS starts: boot code in the first sector, and what it loads in a partition. */
export interface BiosTarget {
  /** The BIOS boot partition, in bytes on its disk. */
  readonly startBytes: number
  readonly sizeBytes: number
  /** @param bootCode at most 440 bytes */
  write(bootCode: Uint8Array, core: Uint8Array): Promise<void>
}
