import { deleteKargs, extendKargs } from './algebra.js'
import { parseKarg } from './words.js'

/** Where the arguments of a first deployment come from, in the order they are applied. */
export interface InstallKargs {
  /** Finding the root file system: `root=…`, `rw`, `boot=…`. */
  readonly root?: readonly string[]
  /** Installation configuration. */
  readonly config?: readonly string[]
  /** The image's kargs.d. */
  readonly image?: readonly string[]
  /** Configuration's first, then the command line's; see `deleteKargs`. */
  readonly deletions?: readonly string[]
  /** Command line: last, so deletions do not touch them. */
  readonly cli?: readonly string[]
}

/** Root, configuration, image, deletions, command line; each argument once. */
export function installKargs(sources: InstallKargs): string[] {
  const { root = [], config = [], image = [], deletions = [], cli = [] } = sources
  const kept = deleteKargs(extendKargs(extendKargs(extendKargs([], root), config), image), deletions)
  return extendKargs(kept, cli)
}

/** Arguments of a running system that a new installation on the same root file system needs too. */
export function inheritedRootKargs(kargs: readonly string[]): string[] {
  return kargs.filter((word) => {
    const { key } = parseKarg(word)
    return key === 'root' || key === 'rootflags' || key.startsWith('rd.')
  })
}
