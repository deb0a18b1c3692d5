import { BootcError } from '../../errors.js'
import { joinPath, parentPath } from '../../names/index.js'
import type { LayerStep, TreeEntry } from './layer.js'

/** A flattened image: entries by path, parents present. */
export type FlatTree = Map<string, TreeEntry>

const plainDirectory: TreeEntry = { type: 'directory', mode: 0o755, uid: 0, gid: 0, mtime: 0, xattrs: {} }

/** Apply layers from the bottom up. Whiteouts of a layer act on the layers below it only. */
export function flattenLayers(layers: readonly (readonly LayerStep[])[]): FlatTree {
  const tree: FlatTree = new Map()
  for (const steps of layers) {
    for (const step of steps) {
      if (step.kind === 'whiteout') removeBelow(tree, step.path, true)
      if (step.kind === 'opaque') removeBelow(tree, step.path, false)
    }
    for (const step of steps) apply(tree, step)
  }
  return tree
}

function apply(tree: FlatTree, step: LayerStep): void {
  if (step.kind === 'whiteout' || step.kind === 'opaque') return
  makeParents(tree, step.path)
  const entry = step.kind === 'entry' ? step.entry : tree.get(step.from)
  if (entry === undefined || (step.kind === 'hardlink' && entry.type !== 'file')) {
    throw new BootcError('IMAGE_TAR_PATH', `hard link ${step.path} leads to no file`)
  }
  if (entry.type !== 'directory') removeBelow(tree, step.path, true)
  tree.set(step.path, entry)
}

function makeParents(tree: FlatTree, path: string): void {
  const parent = parentPath(path)
  if (parent === '') return
  const found = tree.get(parent)
  if (found?.type === 'directory') return
  if (found !== undefined) throw new BootcError('IMAGE_TAR_PATH', `${path} lies below a ${found.type}`)
  makeParents(tree, parent)
  tree.set(parent, plainDirectory)
}

function removeBelow(tree: FlatTree, path: string, itself: boolean): void {
  const prefix = joinPath(path, 'x').slice(0, -1)
  for (const key of tree.keys()) if (key.startsWith(prefix)) tree.delete(key)
  if (itself) tree.delete(path)
}
