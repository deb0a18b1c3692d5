import { lstatSync } from 'node:fs'
import type { BigIntStats } from 'node:fs'
import type { OpOptions, ReadTree, Stat } from '@bootc-sdk/core'
import { encodeName, joinPath } from '@bootc-sdk/core/names'
import { invalidTree } from '../format/errors.js'
import { objectPath } from '../format/types.js'
import type { ObjectId } from '../format/types.js'
import { Inode, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG, S_IFSOCK } from './inode.js'
import type { FileTree, Xattrs } from './inode.js'
import { defaultMaxEntries, maxInlineBytes, maxTreeDepth } from './limits.js'
import type { TreeLimits } from './limits.js'
import { countLinks } from './links.js'
import { asBytes } from './tar-inode.js'

/** A file whose content gets an object: what `RepoTransaction.putFile` takes. */
export interface FileToStore {
  readonly tree: ReadTree
  readonly path: string
  readonly hostPath?: string
}

export interface FromReadTreeOptions extends OpOptions {
  readonly limits?: TreeLimits
  /** Files stored at once. Default 8. */
  readonly concurrency?: number
}

const typeBits: Readonly<Record<Stat['type'], number>> = {
  file: S_IFREG,
  directory: S_IFDIR,
  symlink: S_IFLNK,
  char: S_IFCHR,
  block: S_IFBLK,
  fifo: S_IFIFO,
  socket: S_IFSOCK,
}

/** In nanoseconds. */
const second = 1_000_000_000n

/**
 * The tree of a directory, a commit or an image, its larger files handed to a store; `transaction.putFile` is
 * one. Names of one inode (equal `dev` and `ino`, where the source knows them) stay links.
 *
 * Times are exact to the nanosecond for directories of this machine (`hostPath`), and as exact as
 * `Stat.mtime` elsewhere. Devices have their numbers for directories of this machine only; elsewhere they are
 * an error.
 *
 * @throws BootcError `STORE_COMPOSEFS_INVALID` for what no image can hold, and for files that change meanwhile
 */
export async function treeFromReadTree(
  source: ReadTree & { readonly hostPath?: string },
  store: (file: FileToStore) => Promise<{ readonly id: ObjectId; readonly sizeBytes?: number }>,
  options: FromReadTreeOptions = {},
): Promise<FileTree> {
  const walker = new Walker(source, options)
  const stat = await source.stat('')
  if (stat === undefined) throw invalidTree('/', 'is not there')
  const root = await walker.directory('', stat, 0)
  await walker.storeFiles(store)
  countLinks(root)
  return { root }
}

class Walker {
  readonly #source: ReadTree & { readonly hostPath?: string }
  readonly #options: FromReadTreeOptions
  readonly #linked = new Map<string, Inode>()
  readonly #files: { readonly path: string; readonly inode: Inode }[] = []
  #entries = 0

  constructor(source: ReadTree & { readonly hostPath?: string }, options: FromReadTreeOptions) {
    this.#source = source
    this.#options = options
  }

  async directory(path: string, stat: Stat, depth: number): Promise<Inode> {
    const limit = this.#options.limits?.maxEntries ?? defaultMaxEntries
    if (depth > maxTreeDepth) throw invalidTree(`/${path}`, `is more than ${maxTreeDepth} directories deep`)
    const inode = await this.#inode(path, stat, this.#exactStat(path, stat))
    const children = (inode.children = new Map<string, Inode>())
    for await (const { name, stat: found } of this.#source.list(path)) {
      this.#options.signal?.throwIfAborted()
      const below = joinPath(path, name)
      if (++this.#entries > limit) throw invalidTree(`/${below}`, `is more than ${limit} entries`)
      const child =
        found.type === 'directory'
          ? await this.directory(below, found, depth + 1)
          : await this.#file(below, found)
      children.set(asBytes(name), child)
    }
    return inode
  }

  /** Give every larger file its object. */
  async storeFiles(
    store: (file: FileToStore) => Promise<{ readonly id: ObjectId; readonly sizeBytes?: number }>,
  ): Promise<void> {
    const queue = this.#files.values()
    const worker = async (): Promise<void> => {
      for (const { path, inode } of queue) {
        this.#options.signal?.throwIfAborted()
        const hostPath = this.#hostPath(path)
        const file = { tree: this.#source, path, ...(hostPath === undefined ? {} : { hostPath }) }
        const { id, sizeBytes } = await store(file)
        if (sizeBytes !== undefined && sizeBytes !== inode.size) throw changed(path)
        inode.digest = id
        inode.payload = objectPath(id)
      }
    }
    await Promise.all(Array.from({ length: this.#options.concurrency ?? 8 }, worker))
  }

  async #file(path: string, stat: Stat): Promise<Inode> {
    const exact = this.#exactStat(path, stat)
    // Inode numbers of 64 bits are not exact in a number.
    const { dev, ino } = exact ?? stat
    const key = `${dev}:${ino}`
    const known = this.#linked.get(key)
    if (known !== undefined) return known
    const inode = await this.#inode(path, stat, exact)
    if (stat.ino !== 0) this.#linked.set(key, inode)
    if (stat.type === 'symlink') {
      inode.target = asBytes(await this.#source.readlink(path))
    } else if (stat.type === 'file') {
      inode.size = stat.sizeBytes
      if (stat.sizeBytes > maxInlineBytes) this.#files.push({ path, inode })
      else if (stat.sizeBytes > 0) inode.content = await this.#content(path, stat.sizeBytes)
    }
    return inode
  }

  async #inode(path: string, stat: Stat, exact: BigIntStats | undefined): Promise<Inode> {
    const inode = new Inode(typeBits[stat.type] | stat.mode)
    const isDevice = stat.type === 'char' || stat.type === 'block'
    inode.uid = stat.uid
    inode.gid = stat.gid
    if (exact === undefined) {
      inode.mtimeSec = Math.floor(stat.mtime)
      inode.mtimeNsec = Math.min(Math.round((stat.mtime - inode.mtimeSec) * 1e9), 999_999_999)
      if (isDevice) throw invalidTree(`/${path}`, 'is a device whose numbers are not known')
    } else {
      const nsec = ((exact.mtimeNs % second) + second) % second
      inode.mtimeSec = Number((exact.mtimeNs - nsec) / second)
      inode.mtimeNsec = Number(nsec)
      if (isDevice) inode.rdev = Number(exact.rdev)
    }
    inode.xattrs = await this.#xattrs(path)
    return inode
  }

  /** What the file system knows and `Stat` cannot say. */
  #exactStat(path: string, stat: Stat): BigIntStats | undefined {
    const host = this.#hostPath(path)
    if (host === undefined) return undefined
    const found = lstatSync(encodeName(host), { bigint: true, throwIfNoEntry: false })
    // The source never follows links on the way; this path might.
    if (found === undefined || Number(found.ino) !== stat.ino || Number(found.dev) !== stat.dev) {
      throw changed(path)
    }
    return found
  }

  async #xattrs(path: string): Promise<Xattrs | undefined> {
    const found = await this.#source.xattrs(path)
    if (found.length === 0) return undefined
    return new Map(found.map(({ name, value }) => [asBytes(name), Buffer.from(value).toString('latin1')]))
  }

  async #content(path: string, sizeBytes: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    for await (const part of this.#source.read(path)) parts.push(part)
    const content = new Uint8Array(Buffer.concat(parts))
    if (content.length !== sizeBytes) throw changed(path)
    return content
  }

  #hostPath(path: string): string | undefined {
    const base = this.#source.hostPath
    if (base === undefined || path === '') return base
    return base === '/' ? `/${path}` : `${base}/${path}`
  }
}

function changed(path: string): Error {
  return invalidTree(`/${path}`, 'changed while it was read')
}
