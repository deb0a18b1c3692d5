import { writeErofs } from '../format/erofs/write.js'
import type { ErofsVersion, ObjectId, VerityAlgorithm } from '../format/types.js'
import { digestOf } from '../repo/digest.js'
import type { FileTree } from './inode.js'

/**
 * The digest that identifies a tree: fs-verity of the image that composefs-rs writes for it.
 *
 * @param tree with digests of the same algorithm
 * @throws BootcError `STORE_COMPOSEFS_INVALID`
 */
export function imageIdOf(tree: FileTree, algorithm: VerityAlgorithm, version: ErofsVersion): ObjectId {
  return digestOf(writeErofs(tree, { version, algorithm, flavor: 'rs' }), algorithm)
}
