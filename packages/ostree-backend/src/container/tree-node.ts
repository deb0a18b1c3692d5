/**
 * A directory of a commit in memory. Trees are shared between layers and merges, so a node is never changed
 * once it is complete.
 *
 * `F` is a checksum, or while a layer is being read the id of a content object that has no checksum yet.
 */
export interface TreeNode<F = string> {
  /** Checksum of the dirmeta object. */
  readonly meta: string
  /** Files and symbolic links, in no particular order. */
  readonly files: ReadonlyMap<string, F>
  readonly dirs: ReadonlyMap<string, TreeNode<F>>
  /** Checksum of the dirtree object when the repository has it (set once written). */
  tree?: string
  /** Is a name that may be a whiteout anywhere below? Worked out on first use. */
  whiteouts?: boolean
}

/** What container layers call deletions: a file `.wh.NAME`. */
export const whiteoutPrefix = '.wh.'
/** Clears the directory it lies in. */
export const opaqueWhiteout = '.wh..wh..opq'

/** Is there a name with the whiteout prefix in the tree? */
export function mayHaveWhiteouts(node: TreeNode): boolean {
  node.whiteouts ??= ownWhiteouts(node) || [...node.dirs.values()].some(mayHaveWhiteouts)
  return node.whiteouts
}

/** Is there one in this directory itself? */
export function ownWhiteouts(node: TreeNode): boolean {
  for (const name of node.files.keys()) if (name.startsWith(whiteoutPrefix)) return true
  return false
}

/** All files below, each with its path; directories are visited in map order. */
export function* walkFiles(
  node: TreeNode,
  path = '',
): Generator<{ readonly path: string; readonly name: string; readonly checksum: string }> {
  for (const [name, checksum] of node.files) yield { path: `${path}/${name}`, name, checksum }
  for (const [name, child] of node.dirs) yield* walkFiles(child, `${path}/${name}`)
}

/** Number of files and directories below, stopping at `limit`. */
export function countEntries(node: TreeNode, limit = Number.POSITIVE_INFINITY): number {
  let count = node.files.size
  for (const child of node.dirs.values()) {
    if (count >= limit) break
    count += 1 + countEntries(child, limit - count)
  }
  return count
}

/** The directory at a path of components. */
export function directoryAt(node: TreeNode, parts: readonly string[]): TreeNode | undefined {
  let at: TreeNode | undefined = node
  for (const part of parts) at = at?.dirs.get(part)
  return at
}

/** A copy of the tree without one file; the same tree when the file is not there. */
export function withoutFile(node: TreeNode, parts: readonly string[]): TreeNode {
  const [name, ...rest] = parts
  if (name === undefined) return node
  if (rest.length === 0) {
    if (!node.files.has(name)) return node
    const files = new Map(node.files)
    files.delete(name)
    return { meta: node.meta, files, dirs: node.dirs }
  }
  const child = node.dirs.get(name)
  const changed = child && withoutFile(child, rest)
  if (changed === undefined || changed === child) return node
  return { meta: node.meta, files: node.files, dirs: new Map(node.dirs).set(name, changed) }
}
