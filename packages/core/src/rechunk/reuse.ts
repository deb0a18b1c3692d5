import type { LayerReading } from './read-layers.js'
import { readLayer } from './read-layers.js'
import { tarBytesOf } from './groups.js'
import { parentPath } from '../names/index.js'
import { fileText, listTree, nodeAt, type DirectoryNode, type FileNode } from './nodes.js'
import type { PreviousLayer } from './previous.js'
import { TreeIndex } from './tree-index.js'

/** A layer may hold this share of what is replaced or gone, and lack this share, and still be kept as it is. */
const mostShare = 0.25

/** An earlier layer that stays, although it is not quite what would be made now. */
export interface Reuse {
  /** Has to lie on top: missing in the layer, or shadowed by something older in it. */
  readonly onTop: ReadonlySet<FileNode>
  /** Paths of the layer that the image does not have, the uppermost ones. */
  readonly gone: readonly string[]
  readonly topBytes: number
}

/**
 * Find out whether an earlier layer can stay under a layer on top of it that puts right what has changed.
 *
 * For every name that the layer has, the image has the very same file, or the name is in `onTop` or `gone`: so the
 * result does not depend on what else lies below or above.
 *
 * @param root of the image to be made; files have their digests and names
 * @param wanted what the layer would hold if it were made now
 * @returns undefined when it is better to make it anew
 * @throws BootcError what reading it throws
 */
export async function reuseLayer(
  reading: LayerReading,
  previous: PreviousLayer,
  root: DirectoryNode,
  wanted: readonly FileNode[],
): Promise<Reuse | undefined> {
  const index = new TreeIndex()
  index.startLayer()
  await readLayer(reading, previous.descriptor, previous.diffId, (entry) => index.add(entry, 0))
  if (index.whiteouts > 0) return undefined
  const live = new Set<FileNode>()
  const onTop = new Set<FileNode>()
  const gone: string[] = []
  let deadBytes = 0
  let totalBytes = 0
  const before = listTree(index.root)
  for (const { path, node } of before.files) {
    const bytes = node.names[0] === path ? tarBytesOf(node) : 0
    totalBytes += bytes
    const now = nodeAt(root, path)
    // What lies in that directory elsewhere would vanish under the file.
    if (now?.kind === 'directory') return undefined
    if (now !== undefined && fileText(now) === fileText(node)) {
      live.add(now)
      continue
    }
    deadBytes += bytes
    if (now === undefined) gone.push(path)
    else onTop.add(now)
  }
  for (const { path } of before.directories) {
    const now = nodeAt(root, path)
    if (now === undefined) gone.push(path)
    else if (now.kind !== 'directory') onTop.add(now)
  }
  for (const node of wanted) if (!live.has(node)) onTop.add(node)
  const topBytes = [...onTop].reduce((sum, node) => sum + tarBytesOf(node), 0)
  if (live.size === 0 || Math.max(deadBytes, topBytes) > mostShare * totalBytes) return undefined
  const isUppermost = (path: string): boolean => nodeAt(root, parentPath(path))?.kind === 'directory'
  return { onTop, gone: gone.filter(isUppermost), topBytes }
}
