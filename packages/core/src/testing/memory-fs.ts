import type { DirSupports, EntryType, Stat, VerityMeasurement } from '../interfaces/index.js'
import { baseName, parentPath } from '../names/index.js'
import { treeError } from '../node/tree-error.js'

/** One file of whatever type; hard links are several names of one object. Content is never changed in place. */
export interface Inode {
  readonly ino: number
  readonly type: EntryType
  mode: number
  uid: number
  gid: number
  mtime: number
  nlink: number
  /** Replaced as a whole, never changed in place. */
  xattrs: ReadonlyMap<string, Uint8Array>
  immutable: boolean
  /** Regular files. */
  data: Uint8Array
  verity?: VerityMeasurement
  /** Symbolic links. */
  target: string
  /** Directories. */
  readonly children: Map<string, Inode>
}

export interface MemoryOptions {
  /** Directories to begin with, parents first. */
  readonly directories?: readonly string[]
  /** Bytes of content that fit; default 64 GiB. */
  readonly capacityBytes?: number
  /** Default: everything, so that what a real volume lacks is taken away by name (`{ symlink: false }`). */
  readonly supports?: Partial<DirSupports>
  /**
   * Rules of FAT: names differ in more than case and lack some characters, attributes come from the mount, and
   * `supports` is what Linux has for it (with `exchange`, as since 6.0).
   */
  readonly fat?: boolean
  /** Owner of new entries; default 0. Others can be set when `supports.chown`. */
  readonly uid?: number
  readonly gid?: number
  /** Milliseconds since the epoch; default a clock that starts in 2023 and moves on with every change. */
  readonly now?: () => number
}

/** Locks on one inode. */
export interface MemoryLocks {
  readonly holders: Set<{ exclusive: boolean }>
  readonly waiters: Set<() => void>
}

let devices = 0

// Shared by all that have none: most of what is copied at every snapshot.
const noXattrs: ReadonlyMap<string, Uint8Array> = new Map()
const noChildren = new Map<string, Inode>()
const noData = new Uint8Array()

/** What Linux' vfat cannot do. */
const fatLacks: Partial<DirSupports> = {
  ...{ xattrs: false, chown: false, symlink: false, hardlink: false, reflink: false },
  ...{ verity: false, immutable: false },
}

/** A file system in memory: inodes, paths and rules, all synchronous. `MemoryDir` puts the interface on top. */
export class MemoryFs {
  /** Device number; copies keep it, as a disk does that is started again. */
  readonly dev: number = ++devices
  readonly supports: DirSupports
  readonly capacityBytes: number
  readonly uid: number
  readonly gid: number
  readonly root: Inode
  readonly locks = new WeakMap<Inode, MemoryLocks>()
  usedBytes = 0
  #lastIno = 1
  #ticks = 0
  readonly #now: (() => number) | undefined

  constructor(readonly options: MemoryOptions = {}) {
    this.capacityBytes = options.capacityBytes ?? 64 * 2 ** 30
    this.uid = options.uid ?? 0
    this.gid = options.gid ?? 0
    this.#now = options.now
    this.supports = Object.freeze({
      xattrs: true,
      chown: true,
      symlink: true,
      hardlink: true,
      exchange: true,
      reflink: true,
      verity: false,
      immutable: true,
      kernelLocks: true,
      ...(options.fat === true ? fatLacks : {}),
      ...options.supports,
    })
    this.root = this.make('directory', 0o755)
    this.root.nlink = 2
    for (const path of options.directories ?? []) this.attach(path, this.make('directory', 0o755))
  }

  make(type: EntryType, mode: number): Inode {
    const ino = ++this.#lastIno
    const mtime = this.time()
    const children = type === 'directory' ? new Map<string, Inode>() : noChildren
    const { uid, gid } = this
    const links = { nlink: 0, immutable: false, xattrs: noXattrs }
    return { ino, type, mode, uid, gid, mtime, ...links, data: noData, target: '', children }
  }

  /** Seconds since the epoch. */
  time(): number {
    return this.#now === undefined ? 1_700_000_000 + ++this.#ticks / 1000 : this.#now() / 1000
  }

  /** The entry itself, links not followed; undefined when absent. @throws `TREE_ESCAPE` */
  find(path: string): Inode | undefined {
    let node = this.root
    if (path === '') return node
    for (let start = 0; start <= path.length;) {
      if (start > 0 && node.type === 'symlink') throw treeError('TREE_ESCAPE', path)
      const slash = path.indexOf('/', start)
      const end = slash < 0 ? path.length : slash
      const child = this.child(node, path.slice(start, end))
      if (child === undefined) return undefined
      node = child
      start = end + 1
    }
    return node
  }

  child(parent: Inode, name: string): Inode | undefined {
    return parent.children.get(this.#storedName(parent, name) ?? name)
  }

  /** The name as it was given when the entry was made; undefined when there is none. */
  #storedName(parent: Inode, name: string): string | undefined {
    if (this.options.fat !== true || parent.children.has(name)) return name
    const wanted = name.toLowerCase()
    return [...parent.children.keys()].find((other) => other.toLowerCase() === wanted)
  }

  /** @throws `TREE_NOT_FOUND`, `TREE_NOT_DIRECTORY` when something above it is a file */
  get(path: string): Inode {
    const node = this.find(path)
    if (node !== undefined) return node
    if (path !== '') this.parent(path)
    throw treeError('TREE_NOT_FOUND', path)
  }

  directory(path: string): Inode {
    const node = this.get(path)
    if (node.type === 'symlink') throw treeError('TREE_ESCAPE', path)
    if (node.type !== 'directory') throw treeError('TREE_NOT_DIRECTORY', path)
    return node
  }

  /** Directory that holds (or will hold) a path. */
  parent(path: string): Inode {
    if (path === '') throw treeError('TREE_INVALID_PATH', path, { problem: 'is the root itself' })
    return this.directory(parentPath(path))
  }

  /** Put a name into a directory that may be changed. */
  attach(path: string, node: Inode): void {
    const parent = this.parent(path)
    this.checkMutable(parent, path)
    const name = baseName(path)
    if (this.options.fat === true && /["*/:<>?\\|\0-\x1f]|[. ]$/.test(name)) {
      throw treeError('TREE_INVALID_PATH', path, { problem: 'is no name for FAT' })
    }
    const old = this.child(parent, name)
    if (old !== undefined) this.detach(path)
    parent.children.set(name, node)
    node.nlink += node.type === 'directory' ? 2 : 1
    if (node.type === 'directory') parent.nlink++
    if (node.nlink === 1) this.usedBytes += node.data.length
    parent.mtime = this.time()
  }

  /** Take a name away; the inode lives on while it has others. */
  detach(path: string): Inode {
    const parent = this.parent(path)
    const name = this.#storedName(parent, baseName(path))!
    const node = parent.children.get(name)!
    this.checkMutable(parent, path)
    this.checkMutable(node, path)
    parent.children.delete(name)
    node.nlink -= node.type === 'directory' ? 2 : 1
    if (node.type === 'directory') parent.nlink--
    if (node.nlink === 0) this.usedBytes -= node.data.length
    parent.mtime = this.time()
    return node
  }

  checkMutable(node: Inode, path: string): void {
    if (node.immutable) throw treeError('TREE_PERMISSION', path, { problem: 'is immutable' })
  }

  checkSpace(bytes: number, path: string): void {
    if (this.usedBytes + bytes > this.capacityBytes) throw treeError('TREE_NO_SPACE', path)
  }

  stat(node: Inode): Stat {
    const { type, mode, uid, gid, mtime, nlink, ino } = node
    let sizeBytes = 0
    if (type === 'file') sizeBytes = node.data.length
    if (type === 'symlink') sizeBytes = Buffer.byteLength(node.target)
    return { type, mode, uid, gid, sizeBytes, mtime, nlink, dev: this.dev, ino }
  }

  /** An independent copy with the same inode numbers and hard links, without locks. */
  clone(): MemoryFs {
    const copy = new MemoryFs(this.options)
    const linked = new Map<Inode, Inode>()
    const cloneInode = (node: Inode): Inode => {
      if (node.type !== 'directory') {
        const known = node.nlink > 1 ? linked.get(node) : undefined
        const twin = known ?? { ...node }
        if (node.nlink > 1) linked.set(node, twin)
        return twin
      }
      const children = new Map<string, Inode>()
      for (const [name, child] of node.children) children.set(name, cloneInode(child))
      return { ...node, children }
    }
    Object.assign(copy, { dev: this.dev, root: cloneInode(this.root), usedBytes: this.usedBytes })
    copy.#lastIno = this.#lastIno
    copy.#ticks = this.#ticks
    return copy
  }
}
