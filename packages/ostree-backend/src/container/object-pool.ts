import type { Xattr } from '@bootc-sdk/core'
import type { MetadataType, ObjectMeta, RepoTransaction } from '../repo/api.js'
import { encodeDirMeta } from '../format/dirmeta.js'
import { sha256Hex } from '../format/checksum.js'
import { encodeDirTree } from '../format/dirtree.js'
import type { TreeNode } from './tree-node.js'
import { compareNames } from '@bootc-sdk/core/names'

/** Metadata objects waiting to be written in one batch; each is encoded and hashed once. */
export class ObjectPool {
  readonly #pending = new Map<string, { readonly type: MetadataType; readonly bytes: Uint8Array }>()
  readonly #plainMetas = new Map<string, string>()
  readonly #trees = new Map<TreeNode, string>()

  dirMeta(meta: ObjectMeta): string {
    if (meta.xattrs.length > 0) return this.add('dirmeta', encodeDirMeta(meta))
    const key = `${meta.uid}:${meta.gid}:${meta.mode}`
    let checksum = this.#plainMetas.get(key)
    if (checksum === undefined) {
      checksum = this.add('dirmeta', encodeDirMeta(meta))
      this.#plainMetas.set(key, checksum)
    }
    return checksum
  }

  /** The checksum of a tree's dirtree object; what the repository has already is not encoded again. */
  tree(node: TreeNode): string {
    const known = node.tree ?? this.#trees.get(node)
    if (known !== undefined) return known
    const files = [...node.files].map(([name, checksum]) => ({ name, checksum }))
    const dirs = [...node.dirs].map(([name, child]) => ({ name, tree: this.tree(child), meta: child.meta }))
    files.sort((a, b) => compareNames(a.name, b.name))
    dirs.sort((a, b) => compareNames(a.name, b.name))
    const checksum = this.add('dirtree', encodeDirTree({ files, dirs }))
    this.#trees.set(node, checksum)
    return checksum
  }

  add(type: MetadataType, bytes: Uint8Array): string {
    const checksum = sha256Hex(bytes)
    if (!this.#pending.has(checksum)) this.#pending.set(checksum, { type, bytes })
    return checksum
  }

  async write(transaction: RepoTransaction): Promise<void> {
    await transaction.writeMetadataBatch([...this.#pending.values()])
    this.#pending.clear()
    this.#plainMetas.clear()
  }

  /** To be called once the transaction is through: only now may trees be taken for written. */
  committed(): void {
    for (const [node, checksum] of this.#trees) node.tree = checksum
    this.#trees.clear()
  }
}

/** What `bare-user-only` repositories keep of an owner, a mode and attributes. */
export function canonicalMeta(meta: ObjectMeta): ObjectMeta {
  const typeBits = meta.mode & 0o170000
  const mode = typeBits === 0o120000 ? meta.mode : typeBits | (meta.mode & 0o755)
  return { uid: 0, gid: 0, mode, xattrs: noXattrs }
}

export const noXattrs: readonly Xattr[] = Object.freeze([])
