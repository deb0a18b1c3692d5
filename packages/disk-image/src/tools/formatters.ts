import type { RootFs } from '../plan/plan-disk.js'
import type { PackNode } from '../scan-tree.js'

/** A part of a file or a block device in which a file system is made. */
export interface Region {
  readonly imagePath: string
  /** What was there before is there still; else all is zero. */
  readonly used?: boolean
  /** Is what remains, so it may go to the medium at once; else it is read again and thrown away. */
  readonly kept?: boolean
  readonly offsetBytes: number
  readonly sizeBytes: number
}

/** An empty directory of ours for what programs read from files. */
export interface FormatContext {
  readonly scratchPath: string
  /** Seconds; the time of everything that has none, and of everything later. At least 1. */
  readonly epoch: number
  readonly signal?: AbortSignal | undefined
}

export interface Contents {
  readonly nodes: readonly PackNode[]
  /** Absolute path of the directory they are in. */
  readonly contentPath: string
  /** May be told, for every name of a file, that its content is copied. Absolute path. */
  readonly onFileRead?: (path: string) => void
}

export interface Ext4Options {
  readonly uuid: string
  readonly label: string
  readonly verity: boolean
  readonly inodes: number
}

export interface VfatOptions {
  /** `1A2B-3C4D` */
  readonly volumeId: string
  readonly label: string
}

export interface MountedOptions {
  readonly type: Exclude<RootFs, 'ext4'>
  readonly uuid: string
  readonly label: string
}

/** Who makes file systems. The only place that knows programs; the same input must give the same bytes. */
export interface Formatters {
  /** Is everything there that these file systems take? For whoever has much to do first. @throws `HOST_TOOL_MISSING` */
  check?(fileSystems: readonly (RootFs | 'vfat')[], signal?: AbortSignal): Promise<void>
  /** @throws BootcError `HOST_TOOL_MISSING`, `HOST_TOOL_FAILED`, `SYSROOT_DISK_CONTENT` */
  ext4(region: Region, options: Ext4Options, contents: Contents, context: FormatContext): Promise<void>
  vfat(region: Region, options: VfatOptions, contents: Contents, context: FormatContext): Promise<void>
  /** Others, which take root. Present where they can be made. */
  mounted?(region: Region, options: MountedOptions, contents: Contents, context: FormatContext): Promise<void>
}
