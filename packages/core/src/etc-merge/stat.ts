import { isBootcError } from '../errors.js'
import type { ReadTree, Stat } from '../interfaces/tree.js'

/** lstat that takes a path below a file or a symbolic link for absent. */
export async function statReachable(tree: ReadTree, path: string): Promise<Stat | undefined> {
  try {
    return await tree.stat(path)
  } catch (error) {
    if (isBootcError(error, 'TREE_ESCAPE') || isBootcError(error, 'TREE_NOT_DIRECTORY')) return undefined
    throw error
  }
}
