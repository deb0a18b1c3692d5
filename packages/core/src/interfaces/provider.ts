import type { BootSpec } from './bootloader.js'
import type { OpOptions, Warning } from './common.js'
import type { Sysroot, SysrootLock } from './sysroot.js'
import type { ReadTree } from './tree.js'

/** What a backend package's factory returns; importing the package changes nothing. */
export interface Provider<T> {
  readonly name: string
  readonly apiVersion: 1
  /** For stores: what their deployments can boot by; default `linux` only. */
  readonly boots?: readonly ('linux' | 'uki')[]
  /** For stores: what in a root stands against booting it from there, for those who plan to; not a check of the image. */
  bootNotes?(tree: ReadTree): Promise<readonly Warning[]>
  /** For stores: what in a root stands against a /var that a line of its fstab mounts; absent: nothing. */
  ownVarNotes?(tree: ReadTree): Promise<readonly Warning[]>
  /** Is it in use here? `evidence` in words. */
  detect(sysroot: Sysroot): Promise<{ readonly evidence: string } | undefined>
  open(sysroot: Sysroot, options?: OpOptions): Promise<T>
  /** Lay it out on a sysroot that has none; repeatable. */
  init(sysroot: Sysroot, lock: SysrootLock, options?: InitOptions): Promise<T>
}

export interface InitOptions extends OpOptions {
  /** For loaders: what the store's specs will ask for, so that a volume that cannot do it is refused at once. */
  readonly entrySet?: BootSpec['entrySet']
}

/** Injected; silent by default. What a caller must know is a returned `Warning`, not a log line. */
export interface Logger {
  child(name: string): Logger
  debug(message: string, details?: Readonly<Record<string, unknown>>): void
  info(message: string, details?: Readonly<Record<string, unknown>>): void
}
