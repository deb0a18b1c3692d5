import type { Xattr } from '@bootc-sdk/core'
import { tarConflict } from './errors.js'
import type { TreeNode } from './tree-node.js'

/** Turns attributes of a directory into the checksum of its dirmeta object. */
export type DirMetaOf = (uid: number, gid: number, mode: number, xattrs: readonly Xattr[]) => string

/** Attributes a policy adds to what lies at an absolute path; `mode` has its type bits. */
export type LabelsOf = (path: string, mode: number) => readonly Xattr[]

interface MutableNode {
  /** Empty for a root that no entry described. */
  meta: string
  readonly files: Map<string, number>
  readonly dirs: Map<string, MutableNode>
}

interface PendingLink {
  readonly parent: MutableNode
  readonly name: string
  readonly target: readonly string[]
  /** For messages. */
  readonly entry: string
}

const defaultDirMode = 0o040755

/**
 * Builds the tree of one derived layer entry by entry, as `ostree commit --tree=tar` with created parents does.
 * When a parent is missing, every directory from the root down to it (also those that exist) gets the entry's
 * owner, mode 0755 and no attributes but its label. Hard links wait for the end.
 *
 * @see ostree 2026.4 src/libostree/ostree-repo-libarchive.c
 */
export class LayerTreeBuilder {
  readonly #root: MutableNode = { meta: '', files: new Map(), dirs: new Map() }
  readonly #links: PendingLink[] = []
  readonly #dirMeta: DirMetaOf
  readonly #labels: LabelsOf
  entries = 0

  constructor(dirMeta: DirMetaOf, labels: LabelsOf) {
    this.#dirMeta = dirMeta
    this.#labels = labels
  }

  /** @param mode with type bits; @param xattrs with its label */
  directory(
    parts: readonly string[],
    uid: number,
    gid: number,
    mode: number,
    xattrs: readonly Xattr[],
    entry: string,
  ): void {
    this.entries++
    const meta = this.#dirMeta(uid, gid, mode, xattrs)
    const name = parts.at(-1)
    if (name === undefined) {
      this.#root.meta = meta
      return
    }
    const parent = this.parent(parts, uid, gid, entry)
    if (parent.files.has(name)) throw tarConflict(entry, 'directory has the name of an earlier file')
    const existing = parent.dirs.get(name)
    if (existing === undefined) parent.dirs.set(name, { meta, files: new Map(), dirs: new Map() })
    else existing.meta = meta
  }

  /** A regular file or symbolic link whose content object is being written under `id`. */
  file(parts: readonly string[], uid: number, gid: number, id: number, entry: string): void {
    this.entries++
    const name = parts.at(-1)
    if (name === undefined) throw tarConflict(entry, 'the root is no directory')
    const parent = this.parent(parts, uid, gid, entry)
    if (parent.dirs.has(name)) throw tarConflict(entry, 'file has the name of an earlier directory')
    parent.files.set(name, id)
  }

  hardlink(
    parts: readonly string[],
    uid: number,
    gid: number,
    target: readonly string[],
    entry: string,
  ): void {
    this.entries++
    const name = parts.at(-1)
    if (name === undefined) throw tarConflict(entry, 'the root is no directory')
    this.#links.push({ parent: this.parent(parts, uid, gid, entry), name, target, entry })
  }

  /** The tree, with ids mapped. The builder may not be used afterwards. */
  finish(checksums: readonly string[]): TreeNode {
    this.resolveLinks()
    if (this.#root.meta === '') {
      this.#root.meta = this.#dirMeta(0, 0, defaultDirMode, this.#labels('/', defaultDirMode))
    }
    return complete(this.#root, checksums)
  }

  private parent(parts: readonly string[], uid: number, gid: number, entry: string): MutableNode {
    let at = this.#root
    for (let i = 0; i < parts.length - 1; i++) {
      const next = at.dirs.get(parts[i]!)
      if (next === undefined) return this.createParents(parts, uid, gid, entry)
      at = next
    }
    return at
  }

  private createParents(parts: readonly string[], uid: number, gid: number, entry: string): MutableNode {
    let at = this.#root
    let path = ''
    at.meta = this.parentMeta('/', uid, gid)
    for (let i = 0; i < parts.length - 1; i++) {
      const name = parts[i]!
      if (at.files.has(name)) throw tarConflict(entry, `${path}/${name} is a file, not a directory`)
      path = `${path}/${name}`
      let next = at.dirs.get(name)
      if (next === undefined) {
        next = { meta: '', files: new Map(), dirs: new Map() }
        at.dirs.set(name, next)
      }
      next.meta = this.parentMeta(path, uid, gid)
      at = next
    }
    return at
  }

  private parentMeta(path: string, uid: number, gid: number): string {
    return this.#dirMeta(uid, gid, defaultDirMode, this.#labels(path, defaultDirMode))
  }

  private resolveLinks(): void {
    if (this.#links.length === 0) return
    const pending = new Map<MutableNode, Map<string, PendingLink>>()
    for (const link of this.#links) {
      const names = pending.get(link.parent) ?? new Map<string, PendingLink>()
      pending.set(link.parent, names.set(link.name, link))
    }
    const ids = this.#links.map((link) => this.resolve(link, pending))
    for (const [i, { parent, name, entry }] of this.#links.entries()) {
      if (parent.dirs.has(name)) throw tarConflict(entry, 'hard link has the name of a directory')
      parent.files.set(name, ids[i]!)
    }
  }

  /** Follows links to links: the reference importer finds those only when it happens to make them in order. */
  private resolve(start: PendingLink, pending: Map<MutableNode, Map<string, PendingLink>>): number {
    const seen = new Set<PendingLink>()
    for (let link = start; !seen.has(link);) {
      seen.add(link)
      let at: MutableNode | undefined = this.#root
      for (let i = 0; i < link.target.length - 1; i++) at = at?.dirs.get(link.target[i]!)
      const name = link.target.at(-1)
      const id = name === undefined ? undefined : at?.files.get(name)
      if (id !== undefined) return id
      const next = at === undefined || name === undefined ? undefined : pending.get(at)?.get(name)
      if (next === undefined) {
        throw tarConflict(
          start.entry,
          `hard link to ${JSON.stringify(link.target.join('/'))}, which is no file of the layer`,
        )
      }
      link = next
    }
    throw tarConflict(start.entry, 'hard links lead in a circle')
  }
}

function complete(node: MutableNode, checksums: readonly string[]): TreeNode {
  const files = new Map<string, string>()
  for (const [name, id] of node.files) files.set(name, checksums[id]!)
  node.files.clear()
  const dirs = new Map<string, TreeNode>()
  for (const [name, child] of node.dirs) dirs.set(name, complete(child, checksums))
  return { meta: node.meta, files, dirs }
}
