import { BootcError } from '@bootc-sdk/core'
import type { DirTree, OstreeRepo } from '../repo/api.js'
import type { TreeNode } from './tree-node.js'

/** Dirtrees read in one call. */
const batchSize = 2048
/** Deeper than any path the kernel takes. */
const maxDepth = 2048
/** Directories of one tree, shared ones counted wherever they occur: stops trees that multiply themselves. */
const maxDirectories = 4_000_000

/**
 * Read all directories of a commit's tree, level by level. Equal subtrees become one node.
 *
 * @throws BootcError `IMAGE_TREE_TOO_LARGE` for depths and counts that only a hostile commit has
 */
export async function loadTree(
  repo: Pick<OstreeRepo, 'readDirTrees'>,
  rootTree: string,
  rootMeta: string,
): Promise<TreeNode> {
  const read = new Map<string, DirTree>()
  let level = [rootTree]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > maxDepth) throw tooLarge(`is deeper than ${maxDepth} directories`)
    const below = new Set<string>()
    for (let start = 0; start < level.length; start += batchSize) {
      const names = level.slice(start, start + batchSize)
      const trees = await repo.readDirTrees(names)
      trees.forEach((tree, i) => {
        read.set(names[i]!, tree)
        for (const dir of tree.dirs) below.add(dir.tree)
      })
    }
    level = [...below].filter((checksum) => !read.has(checksum))
    if (read.size > maxDirectories) throw tooLarge(`has more than ${maxDirectories} directories`)
  }
  return new Assembler(read).node(rootTree, rootMeta, 0)
}

class Assembler {
  readonly #read: ReadonlyMap<string, DirTree>
  readonly #nodes = new Map<string, TreeNode>()
  readonly #sizes = new Map<string, number>()

  constructor(read: ReadonlyMap<string, DirTree>) {
    this.#read = read
  }

  node(tree: string, meta: string, depth: number): TreeNode {
    const key = tree + meta
    const known = this.#nodes.get(key)
    if (known !== undefined) return known
    if (depth > maxDepth) throw tooLarge(`is deeper than ${maxDepth} directories`)
    const { files, dirs } = this.#read.get(tree)!
    let size = 1
    const children = new Map<string, TreeNode>()
    for (const dir of dirs) {
      children.set(dir.name, this.node(dir.tree, dir.meta, depth + 1))
      size += this.#sizes.get(dir.tree)!
    }
    if (size > maxDirectories) throw tooLarge(`has more than ${maxDirectories} directories`)
    this.#sizes.set(tree, size)
    const node: TreeNode = {
      meta,
      files: new Map(files.map(({ name, checksum }) => [name, checksum])),
      dirs: children,
      tree,
    }
    this.#nodes.set(key, node)
    return node
  }
}

function tooLarge(reason: string): BootcError {
  return new BootcError('IMAGE_TREE_TOO_LARGE', `the image's tree ${reason}`, { details: { reason } })
}
