import type { TarEntry } from '../tar/index.js'
import { tarConflict, tarPath, tarUnsupported } from './errors.js'
import {
  directoryNode,
  impliedMeta,
  type Child,
  type DirectoryNode,
  type FileNode,
  type NodeMeta,
} from './nodes.js'

/** PATH_MAX and NAME_MAX of Linux, in bytes. */
const maxPathBytes = 4095
const maxNameBytes = 255

/** Until the tree is listed. */
const noNames: string[] = []

/** Records that are about the file, not about the machine and the program that wrote the archive. */
const keptRecords = /^(?:SCHILY\.(?:xattr|acl)\.|SCHILY\.fflags$|LIBARCHIVE\.xattr\.|RHT\.security\.selinux$)/

export interface TreeIndexOptions {
  /** Times after it become it; seconds since the epoch. */
  readonly newestMtime?: number | undefined
  /** All layers together. Default 4 million. */
  readonly maxEntries?: number
}

/**
 * The file system that layers make when they are laid over each other: headers only, content stays where it is.
 *
 * - A whiteout hides what is below its layer, wherever in the layer it stands.
 * - A directory over a directory changes its attributes; anything else replaces.
 * - A hard link is another name for what its target is at that point, in this layer or below.
 *
 * @see OCI image-spec 1.1.1 layer.md
 */
export class TreeIndex {
  readonly root = directoryNode()
  /** Some name was a whiteout. */
  whiteouts = 0
  readonly #newestMtime: number
  readonly #maxEntries: number
  #entries = 0
  #layer = -1
  /** The last attributes by mode: neighbours mostly have the same, and share them. */
  readonly #lastMeta = new Map<number, NodeMeta>()

  constructor(options: TreeIndexOptions = {}) {
    this.#newestMtime = options.newestMtime ?? Infinity
    this.#maxEntries = options.maxEntries ?? 4_000_000
  }

  startLayer(): void {
    this.#layer++
  }

  /**
   * @param base where the archive starts in the spool
   * @returns the new file, when there is one
   * @throws BootcError `IMAGE_TAR_PATH`, `IMAGE_TAR_CONFLICT`, `IMAGE_TAR_UNSUPPORTED`, `IMAGE_TAR_LIMIT`
   */
  add(entry: TarEntry, base: number): FileNode | undefined {
    if (++this.#entries > this.#maxEntries) {
      throw tarUnsupported(entry.name, `is more than ${this.#maxEntries} entries`)
    }
    if (entry.type === 'paxGlobal') return undefined
    const parts = splitPath(entry.name, entry.name)
    const name = parts.pop()
    if (name === undefined) {
      if (entry.type !== 'directory') throw tarConflict(entry.name, 'the root is no directory')
      this.root.meta = this.metaOf(entry)
      return undefined
    }
    const parent = this.#parent(parts, entry.name)
    if (name.startsWith('.wh.')) {
      this.#whiteout(parent, name, entry.name)
      return undefined
    }
    if (entry.type === 'directory') {
      this.#directory(parent, name, entry)
      return undefined
    }
    const node = entry.type === 'hardlink' ? this.#target(entry) : this.#file(entry, base)
    parent.children.set(name, { node, layer: this.#layer, hiddenBy: -1 })
    return entry.type === 'hardlink' ? undefined : node
  }

  /** A missing parent comes into being; a link is never followed. */
  #parent(parts: readonly string[], path: string): DirectoryNode {
    let at = this.root
    for (const part of parts) {
      let child = at.children.get(part)
      if (child === undefined) {
        child = { node: directoryNode(), layer: this.#layer, hiddenBy: -1 }
        at.children.set(part, child)
      }
      if (child.node.kind !== 'directory') throw tarConflict(path, `${JSON.stringify(part)} is no directory`)
      at = child.node
    }
    return at
  }

  #directory(parent: DirectoryNode, name: string, entry: TarEntry): void {
    const meta = this.metaOf(entry)
    const child = parent.children.get(name)
    if (child?.node.kind === 'directory') {
      child.node.meta = meta
      child.layer = this.#layer
    } else {
      parent.children.set(name, { node: directoryNode(meta), layer: this.#layer, hiddenBy: -1 })
    }
  }

  #whiteout(parent: DirectoryNode, name: string, path: string): void {
    this.whiteouts++
    if (name === '.wh..wh..opq') {
      if (parent.clearedBy === this.#layer) return
      parent.clearedBy = this.#layer
      this.#hideBelow(parent)
      return
    }
    const hidden = name.slice(4)
    if (hidden === '' || hidden === '.' || hidden === '..') throw tarPath(path, 'whiteout without a name')
    const child = parent.children.get(hidden)
    if (child !== undefined && !this.#survives(child)) parent.children.delete(hidden)
  }

  /** Is something of this layer there? What is of layers below goes. */
  #survives(child: Child): boolean {
    if (child.node.kind !== 'directory') return child.layer === this.#layer
    // Once for a layer: what came since is of this layer.
    if (child.hiddenBy === this.#layer) return true
    child.hiddenBy = this.#layer
    this.#hideBelow(child.node)
    return child.layer === this.#layer || child.node.children.size > 0
  }

  #hideBelow(directory: DirectoryNode): void {
    for (const [name, child] of directory.children) {
      if (!this.#survives(child)) directory.children.delete(name)
    }
  }

  #target(entry: TarEntry): FileNode {
    const parts = splitPath(entry.linkName, entry.name)
    let at: FileNode | DirectoryNode | undefined = this.root
    for (const part of parts) at = at?.kind === 'directory' ? at.children.get(part)?.node : undefined
    if (at === undefined) {
      throw tarPath(entry.name, `hard link to ${JSON.stringify(entry.linkName)}, which is not there`)
    }
    if (at.kind === 'directory') throw tarConflict(entry.name, 'hard link to a directory')
    return at
  }

  #file(entry: TarEntry, base: number): FileNode {
    const { type } = entry
    if (type !== 'file' && type !== 'symlink' && type !== 'char' && type !== 'block' && type !== 'fifo') {
      throw tarUnsupported(entry.name, `no file is of type ${entry.typeFlag}`)
    }
    if (type === 'symlink' && entry.linkName === '')
      throw tarPath(entry.name, 'symbolic link without a target')
    return {
      kind: type,
      meta: this.metaOf(entry),
      linkName: type === 'symlink' ? entry.linkName : '',
      devMajor: entry.devMajor,
      devMinor: entry.devMinor,
      sizeBytes: entry.sizeBytes,
      offset: base + entry.dataOffset,
      names: noNames,
    }
  }

  /** Attributes of an entry, as the index keeps them. */
  metaOf(entry: TarEntry): NodeMeta {
    const { mode, uid, gid, pax } = entry
    const isNew = entry.mtime > this.#newestMtime
    const mtime = isNew ? this.#newestMtime : entry.headerMtime
    if (pax.size === 0) return this.#shared({ mode, uid, gid, mtime, records: impliedMeta.records })
    const records = [...pax]
      .filter(([key]) => (key === 'mtime' ? !isNew : keptRecords.test(key)))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      // Copies: the values are views of whole headers.
      .map(([key, value]) => [key, Buffer.from(value)] as const)
    return this.#shared({ mode, uid, gid, mtime, records })
  }

  #shared(meta: NodeMeta): NodeMeta {
    const last = this.#lastMeta.get(meta.mode)
    const { uid, gid, mtime, records } = meta
    const isSame = last?.uid === uid && last.gid === gid && last.mtime === mtime && last.records.length === 0
    if (isSame && records.length === 0) return last
    this.#lastMeta.set(meta.mode, meta)
    return meta
  }
}

/** Components; empty ones and `.` vanish, and a leading slash. */
function splitPath(path: string, entry: string): string[] {
  if (path.includes('\0')) throw tarPath(entry, 'name holds a NUL byte')
  if (isLonger(path, maxPathBytes)) throw tarPath(entry, `path is longer than ${maxPathBytes} bytes`)
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  for (const part of parts) {
    if (part === '..') throw tarPath(entry, 'path leads out through ".."')
    if (isLonger(part, maxNameBytes)) throw tarPath(entry, `name is longer than ${maxNameBytes} bytes`)
  }
  return parts
}

function isLonger(text: string, bytes: number): boolean {
  return text.length * 3 > bytes && Buffer.byteLength(text) > bytes
}
