import type {
  BootcParts,
  Host,
  InstallOptions,
  InstallResult,
  OpOptions,
  ProgressEvent,
  Warning,
} from '@bootc-sdk/core'
import type { Customizations } from '../customize/types.js'
import type { PackEvent } from '../pack-disk.js'
import type { DiskPlan, DiskRequest } from '../plan/plan-disk.js'
import type { Formatters } from '../tools/formatters.js'

/** Where the disk goes. */
export interface ImageOutput {
  /** A file, replaced when there is one, or a block device, which is overwritten as a whole. */
  readonly path: string
  /** Default `raw`; a block device takes nothing else. */
  readonly format?: 'raw' | 'qcow2'
}

/** Partitions and file systems; what is left out follows from the image. Sizes are multiples of 1 MiB. */
export interface ImageDisk extends Partial<
  Pick<
    DiskRequest,
    'rootFs' | 'diskBytes' | 'espBytes' | 'rootBytes' | 'rootMinBytes' | 'verity' | 'seed' | 'data' | 'table'
  >
> {
  /** Default `uefi`, or what the architecture has. */
  readonly bootMode?: DiskRequest['bootMode']
  /** A /boot of its own: ext4 for GRUB, else FAT (XBOOTLDR). */
  readonly xbootldr?: { readonly sizeBytes?: number; readonly minBytes?: number }
}

export interface InstallToImageOptions extends OpOptions<ProgressEvent | PackEvent> {
  /** Transports, stores, loaders, policy: as for `openBootc`, which this function gives the sysroot to. */
  readonly parts: Omit<BootcParts, 'sysroot'>
  /** This machine, for programs; with the architecture to install. */
  readonly host: Host
  /**
   * As for `Bootc.install`; what finds the root and boot file systems comes from the plan, and the loader is not
   * registered with this machine and gets no random seed, unless it says so.
   */
  readonly install: Omit<
    InstallOptions,
    'signal' | 'onProgress' | 'replace' | 'cleanup' | 'bootMount' | 'kargs'
  > & {
    readonly kargs?: Omit<NonNullable<InstallOptions['kargs']>, 'root'>
  }
  readonly customizations?: Customizations
  readonly disk?: ImageDisk
  readonly output: ImageOutput
  /** Directory for a copy of the system while it is made; default that of the output, for a device the system's. */
  readonly scratchPath?: string
  /** Seconds; later times on the disk become this one. Default: when the image was created. */
  readonly epoch?: number
  /** Default: the host's programs. */
  readonly formatters?: Formatters
}

/** Plain data. */
export interface InstallToImageResult {
  readonly output: {
    readonly path: string
    readonly format: 'raw' | 'qcow2'
    readonly device: boolean
    readonly diskBytes: number
  }
  readonly disk: DiskPlan
  readonly installed: InstallResult
  readonly epoch: number
  /** Those of the installation and of the customizations too. */
  readonly warnings: readonly Warning[]
}
