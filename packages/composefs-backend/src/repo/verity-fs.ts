import { isBootcError, type Dir, type VerityMeasurement } from '@bootc-sdk/core'
import type { VerityAlgorithm } from '../format/types.js'

/**
 * Enable fs-verity in the kernel where the directory's file system can. `unsupported` is an answer, not an
 * error: what it means is the repository's policy.
 *
 * @throws BootcError `TREE_NOT_FOUND`, `TREE_NOT_FILE`, `TREE_IO`
 */
export async function enableVerity(
  dir: Dir,
  path: string,
  algorithm: VerityAlgorithm,
): Promise<'enabled' | 'already' | 'unsupported'> {
  if (dir.enableVerity === undefined) return 'unsupported'
  try {
    return await dir.enableVerity(path, algorithm)
  } catch (error) {
    if (isBootcError(error, 'TREE_UNSUPPORTED')) return 'unsupported'
    throw error
  }
}

/** What the kernel enforces on a file; undefined when nothing, for whatever reason. */
export async function measureVerity(
  dir: Pick<Dir, 'measureVerity'>,
  path: string,
): Promise<VerityMeasurement | undefined> {
  try {
    return await dir.measureVerity?.(path)
  } catch (error) {
    if (isBootcError(error, 'TREE_UNSUPPORTED')) return undefined
    throw error
  }
}
