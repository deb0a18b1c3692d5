import { BootcError, type ReadTree, type Stat, type Xattr } from '@bootc-sdk/core'
import { compareNames, joinPath } from '@bootc-sdk/core/names'
import type { ObjectMeta, OstreeRepo } from '../repo/api.js'
import type { TreeNode } from './tree-node.js'

/** A tree that no commit describes yet, for reading; its objects are in the repository. */
export function treeOfNodes(repo: OstreeRepo, root: TreeNode): ReadTree {
  return new NodeTree(repo, root)
}

type Found = { readonly node: TreeNode } | { readonly checksum: string }

class NodeTree implements ReadTree {
  readonly #repo: OstreeRepo
  readonly #root: TreeNode

  constructor(repo: OstreeRepo, root: TreeNode) {
    this.#repo = repo
    this.#root = root
  }

  async stat(path: string): Promise<Stat | undefined> {
    const found = this.find(path)
    return found && this.statOf(found)
  }

  async *list(path: string): AsyncGenerator<{ readonly name: string; readonly stat: Stat }> {
    const found = this.need(path)
    if (!('node' in found)) {
      throw new BootcError('TREE_NOT_DIRECTORY', `${path} is no directory`, { details: { path } })
    }
    const names = [...found.node.files.keys(), ...found.node.dirs.keys()].sort(compareNames)
    for (const name of names) {
      const stat = await this.stat(joinPath(path, name))
      if (stat !== undefined) yield { name, stat }
    }
  }

  async *read(path: string, range?: { start: number; end?: number }): AsyncGenerator<Uint8Array> {
    const { checksum } = this.needFile(path)
    const end = range?.end ?? Number.POSITIVE_INFINITY
    let at = 0
    for await (const chunk of this.#repo.fileContent(checksum)) {
      const from = Math.max((range?.start ?? 0) - at, 0)
      const to = Math.min(end - at, chunk.length)
      if (from < to) yield chunk.subarray(from, to)
      at += chunk.length
      if (at >= end) break
    }
  }

  async readlink(path: string): Promise<string> {
    const { symlinkTarget } = await this.#repo.fileHeader(this.needFile(path).checksum)
    if (symlinkTarget === undefined) {
      throw new BootcError('TREE_NOT_SYMLINK', `${path} is no symbolic link`, { details: { path } })
    }
    return symlinkTarget
  }

  async xattrs(path: string): Promise<readonly Xattr[]> {
    const found = this.need(path)
    return (
      'node' in found
        ? await this.#repo.readDirMeta(found.node.meta)
        : await this.#repo.fileHeader(found.checksum)
    ).xattrs
  }

  private find(path: string): Found | undefined {
    if (path === '') return { node: this.#root }
    const parts = path.split('/')
    const name = parts.pop()!
    let at: TreeNode | undefined = this.#root
    for (const part of parts) at = at?.dirs.get(part)
    const node = at?.dirs.get(name)
    if (node !== undefined) return { node }
    const checksum = at?.files.get(name)
    return checksum === undefined ? undefined : { checksum }
  }

  private need(path: string): Found {
    const found = this.find(path)
    if (found === undefined)
      throw new BootcError('TREE_NOT_FOUND', `${path} does not exist`, { details: { path } })
    return found
  }

  private needFile(path: string): { readonly checksum: string } {
    const found = this.need(path)
    if ('checksum' in found) return found
    throw new BootcError('TREE_NOT_FILE', `${path} is a directory`, { details: { path } })
  }

  private async statOf(found: Found): Promise<Stat> {
    if ('node' in found)
      return { ...statBase(await this.#repo.readDirMeta(found.node.meta)), type: 'directory', sizeBytes: 0 }
    const header = await this.#repo.fileHeader(found.checksum)
    const target = header.symlinkTarget
    return {
      ...statBase(header),
      type: target === undefined ? 'file' : 'symlink',
      sizeBytes: target === undefined ? header.sizeBytes : Buffer.byteLength(target),
    }
  }
}

function statBase({ mode, uid, gid }: ObjectMeta): Omit<Stat, 'type' | 'sizeBytes'> {
  return { mode: mode & 0o7777, uid, gid, mtime: 0, nlink: 1, dev: 0, ino: 0 }
}
