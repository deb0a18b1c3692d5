import type { Bytes, OpOptions } from './common.js'
import type { Dir } from './tree.js'

/** The machine around a sysroot: its architecture, kernel command line, clock and programs. */
export interface Host {
  /** OCI (Go) architecture name: `amd64`, `arm64`, … */
  readonly arch: string
  readonly supports: {
    /** Effective uid 0. */
    readonly root: boolean
    readonly loop: boolean
    readonly mount: boolean
    readonly efivars: boolean
  }
  /** /proc/cmdline, trimmed; `''` where no system is running on the sysroot. */
  cmdline(): Promise<string>
  /** /proc/sys/kernel/random/boot_id. */
  bootId(): Promise<string>
  /** /proc/self/mountinfo: where the running root comes from. Absent where no system is running on the sysroot. */
  mountinfo?(): Promise<string>
  /**
   * Value of an EFI variable by its name with the vendor's GUID; undefined when it is not set. Absent where no system
   * is running on the sysroot.
   */
  efiVariable?(name: string): Promise<Uint8Array | undefined>
  /** Milliseconds since the epoch. */
  now(): number
  run(
    argv: readonly string[],
    options?: OpOptions & { stdin?: Bytes; env?: Readonly<Record<string, string>> },
  ): Promise<{ code: number; stdout: string; stderr: string }>
}

/** Logical volumes, RAID of Linux, encryption. */
export type VolumeLayer = 'lvm' | 'raid' | 'crypt'

/** A file system that firmware or boot loader reads. */
export interface Volume {
  readonly dir: Dir
  /** `ext4`, `vfat`, …; `unknown` where it was not looked up. */
  readonly fsType: string
  /** UUID of its file system (FAT: `1A2B-3C4D`); undefined where it is not known. */
  readonly uuid?: string | undefined
  /** What lies between it and the disks, each kind once; undefined where it is not known. */
  readonly layers?: readonly VolumeLayer[] | undefined
  /** What to put before paths in boot entries: `/boot/` when /boot is a directory of the root file system. */
  readonly bootPrefix: '/' | '/boot/'
}

/** The file system that holds all deployments ("physical root"), and what boots from it. */
export interface Sysroot {
  readonly host: Host
  readonly root: Dir
  /** Lost at reboot: /run of the running system. Staged records live here. */
  readonly run: Dir
  readonly readOnly: boolean
  /** True when the running system was booted from this sysroot (only then can anything be `booted`). */
  readonly live: boolean
  readonly boot: Volume
  readonly esps: readonly Volume[]
  lock(options?: OpOptions & { timeoutMs?: number }): Promise<SysrootLock>
}

/** Proof of locking: every mutator of a sysroot takes one. */
export interface SysrootLock extends AsyncDisposable {
  readonly sysroot: Sysroot
}
