import { BootcError } from '../errors.js'
import type { Bytes, Dir, EntryType, LockOptions, Meta, WriteOptions } from '../interfaces/index.js'
import { compareNames, joinPath, normalizePath } from '../names/index.js'
import { treeError } from '../node/tree-error.js'
import { MemoryFs, type Inode, type MemoryOptions } from './memory-fs.js'
import { lockInode } from './memory-lock.js'
import { verityDigest } from './memory-verity.js'

/** A `Dir` in memory, with what tests need besides. */
export interface MemoryDir extends Dir {
  /** An independent copy: same content, hard links and attributes, no locks. */
  snapshot(): MemoryDir
  /** Devices, pipes and sockets, which a `Dir` cannot make. */
  special(
    path: string,
    type: Exclude<EntryType, 'file' | 'directory' | 'symlink'>,
    meta?: Meta,
  ): Promise<void>
  sub(path: string): MemoryDir
}

/**
 * A directory in memory with POSIX rules: hard links share an inode, rename is atomic, immutable entries
 * refuse, a full volume throws `TREE_NO_SPACE`. Acts as root; permission bits are kept, not enforced.
 */
export function memoryDir(options: MemoryOptions = {}): MemoryDir {
  return openMemoryDir(new MemoryFs(options), '')
}

const chunkBytes = 256 * 1024

/** A view of a memory file system from the directory `base` on. */
export function openMemoryDir(fs: MemoryFs, base: string): MemoryDir {
  const at = (path: string) => joinPath(base, normalizePath(path))
  /** An entry below this directory; its own root can be neither moved nor removed. */
  const below = (path: string) => {
    if (normalizePath(path) === '')
      throw treeError('TREE_INVALID_PATH', path, { problem: 'is the root itself' })
    return at(path)
  }

  const applyMeta = (node: Inode, meta: Meta, path: string) => {
    fs.checkMutable(node, path)
    const { uid = node.uid, gid = node.gid, xattrs, mode, mtime } = meta
    if (!fs.supports.chown && (uid !== fs.uid || gid !== fs.gid)) throw treeError('TREE_PERMISSION', path)
    if (!fs.supports.xattrs && xattrs !== undefined && xattrs.length > 0) {
      throw treeError('TREE_UNSUPPORTED', path)
    }
    // fat_allow_set_mode: all that can be asked for is what the mount gives anyway, but for the write bit.
    if (fs.options.fat === true && mode !== undefined && (mode | 0o222) !== (node.mode | 0o222)) {
      throw treeError('TREE_PERMISSION', path, { problem: 'has its mode from the mount' })
    }
    node.uid = uid
    node.gid = gid
    if (xattrs !== undefined) node.xattrs = new Map(xattrs.map((x) => [x.name, x.value.slice()]))
    if (mode !== undefined && node.type !== 'symlink' && fs.options.fat !== true) node.mode = mode & 0o7777
    if (mtime !== undefined) node.mtime = mtime
  }

  /** Everything that can fail comes before the name appears. */
  const create = (path: string, node: Inode, meta: Meta, replace: boolean) => {
    const parent = fs.parent(path)
    const old = fs.find(path)
    if (old !== undefined && !replace) throw treeError('TREE_EXISTS', path)
    if (old?.type === 'directory') throw treeError('TREE_NOT_FILE', path)
    fs.checkMutable(parent, path)
    if (old !== undefined) fs.checkMutable(old, path)
    fs.checkSpace(node.data.length, path)
    applyMeta(node, meta, path)
    fs.attach(path, node)
  }

  const file = (path: string): Inode => {
    const node = fs.get(path)
    if (node.type !== 'file') throw treeError('TREE_NOT_FILE', path)
    return node
  }

  const writeFile = async (path: string, data: Uint8Array | Bytes, options: WriteOptions = {}) => {
    const full = at(path)
    const { ifExists = 'replace' } = options
    fs.parent(full)
    if (ifExists === 'fail' && fs.find(full) !== undefined) throw treeError('TREE_EXISTS', full)
    const bytes = data instanceof Uint8Array ? new Uint8Array(data) : await collect(fs, data, full)
    const node = fs.make('file', fs.options.fat === true ? 0o755 : 0o644)
    node.data = bytes
    create(full, node, options, ifExists === 'replace')
  }

  const rename: Dir['rename'] = async (from, to, { exchange = false, noReplace = false } = {}) => {
    const [source, target] = [below(from), below(to)]
    const node = fs.get(source)
    const targetParent = fs.parent(target)
    const old = fs.find(target)
    if (exchange && !fs.supports.exchange) throw treeError('TREE_UNSUPPORTED', target)
    if (exchange && old === undefined) throw treeError('TREE_NOT_FOUND', target)
    if (noReplace && old !== undefined) throw treeError('TREE_EXISTS', target)
    if (old === node) return
    if (`${target}/`.startsWith(`${source}/`) || (exchange && `${source}/`.startsWith(`${target}/`))) {
      throw treeError('TREE_IO', target, { problem: 'lies inside what is moved' })
    }
    for (const one of [node, fs.parent(source), targetParent]) fs.checkMutable(one, source)
    if (old !== undefined) fs.checkMutable(old, target)
    if (!exchange && old !== undefined) checkReplaceable(node, old, target)
    fs.detach(source)
    if (exchange) {
      fs.detach(target)
      fs.attach(source, old!)
    }
    fs.attach(target, node)
  }

  const dir: MemoryDir = {
    supports: fs.supports,
    async stat(path) {
      const node = fs.find(at(path))
      return node === undefined ? undefined : fs.stat(node)
    },
    async *list(path) {
      const node = fs.directory(at(path))
      for (const name of [...node.children.keys()].sort(compareNames)) {
        const child = node.children.get(name)
        if (child !== undefined) yield { name, stat: fs.stat(child) }
      }
    },
    async *read(path, range = { start: 0 }) {
      const { data } = file(at(path))
      const end = Math.min(range.end ?? data.length, data.length)
      for (let offset = range.start; offset < end; offset += chunkBytes) {
        yield data.slice(offset, Math.min(offset + chunkBytes, end))
      }
    },
    async readlink(path) {
      const node = fs.get(at(path))
      if (node.type !== 'symlink') {
        throw treeError('TREE_NOT_SYMLINK', at(path), { problem: 'is not a symbolic link' })
      }
      return node.target
    },
    async xattrs(path) {
      const entries = [...fs.get(at(path)).xattrs].sort(([a], [b]) => compareNames(a, b))
      return entries.map(([name, value]) => ({ name, value: value.slice() }))
    },
    async mkdir(path, meta = {}) {
      const full = at(path)
      if (full === '') throw treeError('TREE_EXISTS', full)
      create(full, fs.make('directory', 0o755), meta, false)
    },
    write: writeFile,
    async symlink(target, path, meta = {}) {
      if (!fs.supports.symlink) throw treeError('TREE_UNSUPPORTED', at(path))
      const node = fs.make('symlink', 0o777)
      node.target = target
      create(at(path), node, meta, false)
    },
    async link(from, to) {
      const [source, target] = [at(from), at(to)]
      const node = fs.get(source)
      if (!fs.supports.hardlink) throw treeError('TREE_UNSUPPORTED', target)
      if (fs.find(target) !== undefined) throw treeError('TREE_EXISTS', target)
      if (node.type === 'directory') throw treeError('TREE_PERMISSION', source)
      fs.checkMutable(node, source)
      fs.attach(target, node)
    },
    async mknod(path, { type }, meta = {}) {
      create(at(path), fs.make(type, 0o644), meta, false)
    },
    rename,
    async remove(path) {
      const full = below(path)
      const node = fs.find(full)
      if (node === undefined) return
      const parent = fs.parent(full)
      const clear = (one: Inode) => {
        one.immutable = false
        for (const [name, child] of one.children) {
          clear(child)
          // Every hard link inside gives its share of the space back.
          child.nlink -= child.type === 'directory' ? 2 : 1
          if (child.nlink === 0) fs.usedBytes -= child.data.length
          one.children.delete(name)
        }
      }
      fs.checkMutable(parent, full)
      clear(node)
      fs.detach(full)
    },
    async setMeta(path, meta) {
      applyMeta(fs.get(at(path)), meta, at(path))
    },
    async sync() {},
    async space() {
      return { freeBytes: fs.capacityBytes - fs.usedBytes, totalBytes: fs.capacityBytes }
    },
    async lock(path, options: LockOptions) {
      const full = at(path)
      if (fs.find(full) === undefined) create(full, fs.make('file', 0o660), {}, false)
      return lockInode(fs, fs.get(full), full, options)
    },
    async copy(from, to, options) {
      const source = at(from)
      const node = file(source)
      await writeFile(to, node.data, options)
    },
    sub(path) {
      const full = at(path)
      fs.directory(full)
      return openMemoryDir(fs, full)
    },
    snapshot: () => openMemoryDir(fs.clone(), base),
    async special(path, type, meta = {}) {
      create(at(path), fs.make(type, 0o644), meta, false)
    },
  }
  if (fs.supports.immutable) {
    dir.setImmutable = async (path, immutable) => {
      fs.get(at(path)).immutable = immutable
    }
  }
  if (fs.supports.verity) {
    dir.enableVerity = async (path, algorithm) => {
      const node = file(at(path))
      fs.checkMutable(node, at(path))
      if (node.verity !== undefined) return 'already'
      node.verity = { algorithm, digest: verityDigest(node.data, algorithm) }
      return 'enabled'
    }
    dir.measureVerity = async (path) => file(at(path)).verity
  }
  return Object.freeze(dir)
}

function checkReplaceable(node: Inode, old: Inode, path: string): void {
  if (old.type === 'directory' && node.type !== 'directory') throw treeError('TREE_NOT_FILE', path)
  if (old.type !== 'directory' && node.type === 'directory') throw treeError('TREE_NOT_DIRECTORY', path)
  if (old.children.size > 0) throw treeError('TREE_NOT_EMPTY', path)
}

async function collect(fs: MemoryFs, data: Bytes, path: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of data) {
    if (!(chunk instanceof Uint8Array)) throw new BootcError('TREE_IO', `${path}: a chunk is not bytes`)
    chunks.push(chunk)
    length += chunk.length
    fs.checkSpace(length, path)
  }
  const out = new Uint8Array(length)
  let offset = 0
  for (const chunk of chunks) {
    out.set(chunk, offset)
    offset += chunk.length
  }
  return out
}
