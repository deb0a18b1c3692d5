import { compareNames } from '@bootc-sdk/core/names'
import { sha256Hex } from '../format/checksum.js'
import { encodeDirMeta } from '../format/dirmeta.js'
import { encodeDirTree } from '../format/dirtree.js'
import { invalid } from '../format/errors.js'
import { modeDirectory } from '../format/mode.js'
import type { MetadataType, ObjectMeta, OstreeRepo, RepoTransaction } from './api.js'

/** A file that is stored, or one of a content writer's ids until the writer is finished. */
export type FileSlot = { readonly checksum: string } | { readonly id: number }

export interface TreeNode {
  meta: ObjectMeta
  readonly files: Map<string, FileSlot>
  readonly dirs: Map<string, TreeNode>
}

/** What a directory that nobody describes gets. */
export const defaultDirMeta: ObjectMeta = { uid: 0, gid: 0, mode: modeDirectory | 0o755, xattrs: [] }

/** Objects of metadata handed over at once. */
const batchSize = 1024

/** A tree of directories in the making; overlays of several sources end up in one. */
export class TreeBuilder {
  readonly root: TreeNode = emptyNode(defaultDirMeta)

  /** @throws BootcError `STORE_OSTREE_INVALID` when a file is in the way */
  setDir(parent: TreeNode, name: string, meta: ObjectMeta, path: string): TreeNode {
    if (parent.files.has(name)) throw invalid(path, 'a directory cannot replace a file')
    const there = parent.dirs.get(name)
    if (there !== undefined) {
      there.meta = meta
      return there
    }
    const made = emptyNode(meta)
    parent.dirs.set(name, made)
    return made
  }

  setFile(parent: TreeNode, name: string, slot: FileSlot, path: string): void {
    if (parent.dirs.has(name)) throw invalid(path, 'a file cannot replace a directory')
    parent.files.set(name, slot)
  }

  /** Lay a stored tree over what is there. */
  async addStored(repo: OstreeRepo, tree: string, meta: string, at = this.root, path = ''): Promise<void> {
    at.meta = await repo.readDirMeta(meta)
    const { files, dirs } = await repo.readDirTree(tree)
    for (const { name, checksum } of files) this.setFile(at, name, { checksum }, `${path}/${name}`)
    for (const dir of dirs) {
      const below = `${path}/${dir.name}`
      const node = this.setDir(at, dir.name, defaultDirMeta, below)
      await this.addStored(repo, dir.tree, dir.meta, node, below)
    }
  }

  /**
   * Write dirtrees and dirmetas.
   *
   * @param ids checksums of the content writer's objects
   */
  async write(
    transaction: RepoTransaction,
    ids: readonly string[],
  ): Promise<{ rootTree: string; rootMeta: string }> {
    const objects = new Map<string, { type: MetadataType; bytes: Uint8Array }>()
    const [rootTree, rootMeta] = encodeNode(this.root, ids, objects)
    const all = [...objects.values()]
    for (let at = 0; at < all.length; at += batchSize) {
      await transaction.writeMetadataBatch(all.slice(at, at + batchSize))
    }
    return { rootTree, rootMeta }
  }
}

function emptyNode(meta: ObjectMeta): TreeNode {
  return { meta, files: new Map(), dirs: new Map() }
}

function encodeNode(
  node: TreeNode,
  ids: readonly string[],
  objects: Map<string, { type: MetadataType; bytes: Uint8Array }>,
): [tree: string, meta: string] {
  const files = [...node.files].map(([name, slot]) => ({
    name,
    checksum: 'checksum' in slot ? slot.checksum : ids[slot.id]!,
  }))
  const dirs = [...node.dirs].map(([name, child]) => {
    const [tree, meta] = encodeNode(child, ids, objects)
    return { name, tree, meta }
  })
  const byName = (a: { name: string }, b: { name: string }) => compareNames(a.name, b.name)
  const tree = encodeDirTree({ files: files.sort(byName), dirs: dirs.sort(byName) })
  const meta = encodeDirMeta(node.meta)
  return [remember('dirtree', tree, objects), remember('dirmeta', meta, objects)]
}

function remember(
  type: MetadataType,
  bytes: Uint8Array,
  objects: Map<string, { type: MetadataType; bytes: Uint8Array }>,
): string {
  const checksum = sha256Hex(bytes)
  objects.set(`${checksum}.${type}`, { type, bytes })
  return checksum
}
