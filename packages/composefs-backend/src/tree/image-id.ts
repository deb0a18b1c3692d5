import { planErofs } from '../format/erofs/write.js'
import type { ErofsVersion, ObjectId, VerityAlgorithm } from '../format/types.js'
import { VerityHasher } from '../format/verity.js'
import { digestOf } from '../repo/digest.js'
import type { FileTree } from './inode.js'

/** Images up to this size are made in memory, for the addon hashes ten times as fast as we do in pieces. */
const maxWholeBytes = 64 << 20

/**
 * The digest that identifies a tree: fs-verity of the image that composefs-rs writes for it.
 *
 * @param tree with digests of the same algorithm
 * @throws BootcError `STORE_COMPOSEFS_INVALID`
 */
export function imageIdOf(tree: FileTree, algorithm: VerityAlgorithm, version: ErofsVersion): ObjectId {
  const image = planErofs(tree, { version, algorithm, flavor: 'rs' })
  if (image.sizeBytes <= maxWholeBytes) return digestOf(Buffer.concat([...image.chunks()]), algorithm)
  const hasher = new VerityHasher(algorithm)
  for (const chunk of image.chunks()) hasher.update(chunk)
  return hasher.digest()
}
