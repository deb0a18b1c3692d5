import type { OpOptions } from './common.js'
import type { ImageStore } from './store.js'
import type { Sysroot, SysrootLock } from './sysroot.js'
import type { ReadTree } from './tree.js'

/** Where container images live that run on a system and come with it (bound images). */
export interface BoundImageStore {
  /** For messages. */
  readonly name: string
  /** The images of a sysroot; undefined while nothing was laid out. Writes nothing. */
  open(sysroot: Sysroot): Promise<ImageStore | undefined>
  /** Lay it out where it is missing: whole or not at all. Repeatable. */
  init(sysroot: Sysroot, lock: SysrootLock, options?: BoundStoreInit): Promise<ImageStore>
}

export interface BoundStoreInit extends OpOptions {
  /** Name of the store that the system's own images live in; its files are laid out beside those. */
  readonly store?: string
  /** Root whose SELinux policy labels what is written; absent: no labels. */
  readonly labelsFrom?: ReadTree
}
