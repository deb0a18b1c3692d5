import { BootcError, type Bytes, type EntryType, type ReadTree, type Stat, type Xattr } from '@bootc-sdk/core'
import { compareNames } from '@bootc-sdk/core/names'
import { isSymlinkMode } from '../format/mode.js'
import type { DirTree, FileHeader, ObjectMeta, OstreeRepo } from './api.js'
import { sliceBytes } from './content-reader.js'
import { ioConcurrency, mapLimit } from '@bootc-sdk/core/store-kit'

/** Directories kept decoded; enough for a walk to find its parents again. */
const maxCached = 512

type Reader = Pick<OstreeRepo, 'readDirTree' | 'readDirMeta' | 'fileHeader' | 'fileContent'>

interface Directory {
  readonly tree: DirTree
  readonly meta: string
  readonly files: ReadonlyMap<string, string>
  readonly dirs: ReadonlyMap<string, { readonly tree: string; readonly meta: string }>
}

type Found =
  | { readonly type: 'directory'; readonly directory: Directory }
  | { readonly type: 'file'; readonly checksum: string }

/** A commit's root (or any dirtree with its dirmeta) as a tree. mtime is 0, as a checkout would have it. */
export class CommitTreeReader implements ReadTree {
  readonly #repo: Reader
  readonly #rootTree: string
  readonly #rootMeta: string
  readonly #directories = new Map<string, Directory | undefined>()

  constructor(repo: Reader, rootTree: string, rootMeta: string) {
    this.#repo = repo
    this.#rootTree = rootTree
    this.#rootMeta = rootMeta
  }

  async stat(path: string): Promise<Stat | undefined> {
    const found = await this.#find(path)
    if (found === undefined) return undefined
    return found.type === 'file' ? this.#fileStat(found.checksum) : this.#dirStat(found.directory.meta)
  }

  async *list(path: string): AsyncIterable<{ readonly name: string; readonly stat: Stat }> {
    const found = await this.#find(path)
    if (found === undefined) throw notFound(path)
    if (found.type === 'file') {
      throw new BootcError('TREE_NOT_DIRECTORY', `${path} is not a directory`, { details: { path } })
    }
    const { tree } = found.directory
    const entries = [
      ...tree.files.map(({ name, checksum }) => ({ name, stat: () => this.#fileStat(checksum) })),
      ...tree.dirs.map(({ name, meta }) => ({ name, stat: () => this.#dirStat(meta) })),
    ].sort((a, b) => compareNames(a.name, b.name))
    for (let at = 0; at < entries.length; at += ioConcurrency) {
      const batch = entries.slice(at, at + ioConcurrency)
      const stats = await mapLimit(batch, ioConcurrency, (entry) => entry.stat())
      for (const [index, { name }] of batch.entries()) yield { name, stat: stats[index]! }
    }
  }

  async *read(path: string, range?: { start: number; end?: number }): Bytes {
    const checksum = await this.#file(path)
    const content = this.#repo.fileContent(checksum)
    yield* range === undefined ? content : sliceBytes(content, range)
  }

  async readlink(path: string): Promise<string> {
    const { symlinkTarget } = await this.#repo.fileHeader(await this.#file(path))
    if (symlinkTarget === undefined) {
      throw new BootcError('TREE_NOT_SYMLINK', `${path} is not a symbolic link`, { details: { path } })
    }
    return symlinkTarget
  }

  async xattrs(path: string): Promise<readonly Xattr[]> {
    const found = await this.#find(path)
    if (found === undefined) throw notFound(path)
    const meta =
      found.type === 'file'
        ? await this.#repo.fileHeader(found.checksum)
        : await this.#repo.readDirMeta(found.directory.meta)
    return [...meta.xattrs].sort((a, b) => compareNames(a.name, b.name))
  }

  async #file(path: string): Promise<string> {
    const found = await this.#find(path)
    if (found === undefined) throw notFound(path)
    if (found.type === 'directory') {
      throw new BootcError('TREE_NOT_FILE', `${path} is a directory`, { details: { path } })
    }
    return found.checksum
  }

  async #find(path: string): Promise<Found | undefined> {
    if (path === '' || this.#directories.get(path) !== undefined) {
      const directory = await this.#directory(path)
      return directory === undefined ? undefined : { type: 'directory', directory }
    }
    const slash = path.lastIndexOf('/')
    const parent = await this.#directory(slash < 0 ? '' : path.slice(0, slash))
    const checksum = parent?.files.get(path.slice(slash + 1))
    if (checksum !== undefined) return { type: 'file', checksum }
    const directory = await this.#directory(path)
    return directory === undefined ? undefined : { type: 'directory', directory }
  }

  async #directory(path: string): Promise<Directory | undefined> {
    const known = this.#directories.get(path)
    if (known !== undefined) return known
    let place: { readonly tree: string; readonly meta: string } | undefined
    if (path === '') {
      place = { tree: this.#rootTree, meta: this.#rootMeta }
    } else {
      const slash = path.lastIndexOf('/')
      const parent = await this.#directory(slash < 0 ? '' : path.slice(0, slash))
      place = parent?.dirs.get(path.slice(slash + 1))
    }
    if (place === undefined) return undefined
    const tree = await this.#repo.readDirTree(place.tree)
    const directory = {
      tree,
      meta: place.meta,
      files: new Map(tree.files.map(({ name, checksum }) => [name, checksum])),
      dirs: new Map(tree.dirs.map((dir) => [dir.name, dir])),
    }
    if (this.#directories.size >= maxCached) this.#directories.delete(this.#directories.keys().next().value!)
    this.#directories.set(path, directory)
    return directory
  }

  async #fileStat(checksum: string): Promise<Stat> {
    const header = await this.#repo.fileHeader(checksum)
    return statOf(header, typeOf(header), header.symlinkTarget, header.sizeBytes)
  }

  async #dirStat(meta: string): Promise<Stat> {
    return statOf(await this.#repo.readDirMeta(meta), 'directory', undefined, 0)
  }
}

function typeOf(header: FileHeader): EntryType {
  return isSymlinkMode(header.mode) ? 'symlink' : 'file'
}

function statOf(meta: ObjectMeta, type: EntryType, target: string | undefined, sizeBytes: number): Stat {
  return {
    type,
    mode: meta.mode & 0o7777,
    uid: meta.uid,
    gid: meta.gid,
    sizeBytes: target === undefined ? sizeBytes : Buffer.byteLength(target),
    mtime: 0,
    nlink: 1,
    dev: 0,
    ino: 0,
  }
}

function notFound(path: string): BootcError<'TREE_NOT_FOUND'> {
  return new BootcError('TREE_NOT_FOUND', `${path} does not exist`, { details: { path } })
}
