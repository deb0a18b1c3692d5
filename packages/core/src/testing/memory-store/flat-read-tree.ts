import type { Dir, ReadTree, Stat } from '../../interfaces/index.js'
import { compareNames, joinPath, normalizePath, parentPath, baseName } from '../../names/index.js'
import { treeError } from '../../node/tree-error.js'
import type { FlatTree } from './flatten.js'
import type { TreeEntry } from './layer.js'

/** A flattened image as a tree; content comes from the store's objects. */
export function flatReadTree(tree: FlatTree, objects: Dir): ReadTree {
  const rootEntry: TreeEntry = { type: 'directory', mode: 0o755, uid: 0, gid: 0, mtime: 0, xattrs: {} }
  const children = new Map<string, string[]>()
  for (const path of tree.keys()) {
    const parent = parentPath(path)
    children.set(parent, [...(children.get(parent) ?? []), baseName(path)])
  }
  const get = (path: string): TreeEntry => {
    const clean = normalizePath(path)
    const entry = clean === '' ? rootEntry : tree.get(clean)
    if (entry === undefined) throw treeError('TREE_NOT_FOUND', path)
    return entry
  }
  return {
    async stat(path) {
      const clean = normalizePath(path)
      if (clean !== '' && !tree.has(clean)) return undefined
      return toStat(get(clean))
    },
    async *list(path) {
      const clean = normalizePath(path)
      if (get(clean).type !== 'directory') throw treeError('TREE_NOT_DIRECTORY', path)
      for (const name of (children.get(clean) ?? []).toSorted(compareNames)) {
        yield { name, stat: toStat(get(joinPath(clean, name))) }
      }
    },
    async *read(path, range) {
      const { object } = get(path)
      if (object === undefined) throw treeError('TREE_NOT_FILE', path)
      yield* objects.read(object, range)
    },
    async readlink(path) {
      const { target } = get(path)
      if (target === undefined) {
        throw treeError('TREE_NOT_SYMLINK', path, { problem: 'is not a symbolic link' })
      }
      return target
    },
    async xattrs(path) {
      const names = Object.entries(get(path).xattrs).sort(([a], [b]) => compareNames(a, b))
      return names.map(([name, value]) => ({ name, value: Buffer.from(value, 'base64') }))
    },
  }
}

function toStat(entry: TreeEntry): Stat {
  const { type, mode, uid, gid, mtime, sizeBytes = 0, target } = entry
  const length = target === undefined ? sizeBytes : Buffer.byteLength(target)
  return { type, mode, uid, gid, mtime, sizeBytes: length, nlink: 1, dev: 0, ino: 0 }
}
