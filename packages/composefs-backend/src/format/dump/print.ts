import type { FileTree } from '../../tree/inode.js'
import type { WriteErofsOptions } from '../erofs/write.js'
import type { Flavor } from './limits.js'
import { printLikeInfo } from './print-c.js'
import { printLikeRs } from './print-rs.js'

export interface PrintDumpOptions {
  /**
   * `rs`: as cfsctl prints a tree. `c`: as `composefs-info dump` prints the image that mkcomposefs makes of the
   * tree, with the sizes that directories have there and attributes in its order.
   */
  readonly flavor: Flavor
  /** With `c`: version of that image; the default is that of mkcomposefs, 0 or 1. */
  readonly version?: WriteErofsOptions['version']
}

/**
 * Lines of a dump, without line ends: depth first, names in byte order, a further name of a file as hard link.
 *
 * @throws BootcError `STORE_COMPOSEFS_INVALID` for a tree that is none, and with `c` when no image can hold it
 */
export function printDump(tree: FileTree, options: PrintDumpOptions): Iterable<string> {
  return options.flavor === 'rs' ? printLikeRs(tree) : printLikeInfo(tree, options.version)
}
