import { BootcError, type Bytes, type EntryType, type ReadTree, type Stat, type Xattr } from '@bootc-sdk/core'
import { compareNames, normalizePath } from '@bootc-sdk/core/names'
import { isEscapedWhiteout, isRootStub, restoreXattrs, type Shown } from '../format/erofs/read-convention.js'
import type { ExternalFile } from '../format/erofs/read-external.js'
import type { ErofsInode } from '../format/erofs/read-inode.js'
import type { ErofsImage } from '../format/erofs/read.js'
import {
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  type ByteString,
} from './inode.js'
import { fromBytes, toBytes } from './names.js'

/** Opens the object behind a file; `range` in bytes of the file, `end` exclusive and within the file. */
export type OpenObject = (
  file: ExternalFile,
  range?: { readonly start: number; readonly end?: number },
) => Bytes

/** Device numbers of images, so that inode numbers of two images are never taken for links of one file. */
let nextDevice = 1

/**
 * An image as a tree, with the content of files taken from objects.
 *
 * It shows what a mount shows: attributes of the overlay are hidden and escaped ones have their own names.
 * Only whiteouts differ, which a mount shows as empty files with a marker: here they are character devices 0:0,
 * as they were in the source.
 *
 * @throws BootcError `STORE_COMPOSEFS_BAD_IMAGE` from any method that meets damage;
 * `STORE_COMPOSEFS_NO_OBJECT` for a file that names no object
 */
export function erofsReadTree(image: ErofsImage, openObject: OpenObject): ReadTree {
  return new ErofsReadTree(image, openObject)
}

const types: ReadonlyMap<number, EntryType> = new Map([
  [S_IFREG, 'file'],
  [S_IFDIR, 'directory'],
  [S_IFLNK, 'symlink'],
  [S_IFCHR, 'char'],
  [S_IFBLK, 'block'],
  [S_IFIFO, 'fifo'],
  [S_IFSOCK, 'socket'],
])

/** Longest piece of a file in the image that is handed out at once. */
const chunkBytes = 256 * 1024

class ErofsReadTree implements ReadTree {
  readonly #image: ErofsImage
  readonly #open: OpenObject
  readonly #shown: Shown
  readonly #device = nextDevice++

  constructor(image: ErofsImage, open: OpenObject) {
    this.#image = image
    this.#open = open
    this.#shown = { version: image.version, convention: 'source' }
  }

  async stat(path: string): Promise<Stat | undefined> {
    const inode = this.#find(path)?.inode
    return inode && this.#stat(inode)
  }

  async *list(path: string): AsyncGenerator<{ readonly name: string; readonly stat: Stat }> {
    const { inode, parentNid } = this.#need(path)
    if (typeOf(inode) === 'symlink') throw escapes(path)
    if (typeOf(inode) !== 'directory') throw treeError('TREE_NOT_DIRECTORY', path, 'is not a directory')
    for (const [bytes, child] of this.#image.children(inode, parentNid)) {
      if (this.#isStub(inode, bytes, child)) continue
      yield { name: fromBytes(bytes), stat: this.#stat(child) }
    }
  }

  async *read(path: string, range?: { start: number; end?: number }): Bytes {
    const { inode } = this.#need(path)
    if (typeOf(inode) !== 'file' || this.#isWhiteout(inode)) {
      throw treeError('TREE_NOT_FILE', path, 'is not a regular file')
    }
    const size = Number(inode.size)
    const start = Math.min(range?.start ?? 0, size)
    const end = Math.min(range?.end ?? size, size)
    if (start >= end) return
    const external = this.#image.external(inode)
    if (external === undefined) {
      const content = this.#image.content(inode)
      for (let at = start; at < end; at += chunkBytes)
        yield content.subarray(at, Math.min(at + chunkBytes, end))
      return
    }
    if (external.digest === '' && external.payload === '') {
      throw new BootcError('STORE_COMPOSEFS_NO_OBJECT', `${path} names no object that has its content`, {
        details: { object: '' },
      })
    }
    yield* this.#open(external, range === undefined ? undefined : { start, end })
  }

  async readlink(path: string): Promise<string> {
    const { inode } = this.#need(path)
    if (typeOf(inode) !== 'symlink') throw treeError('TREE_NOT_SYMLINK', path, 'is not a symbolic link')
    return fromBytes(this.#image.target(inode))
  }

  async xattrs(path: string): Promise<readonly Xattr[]> {
    const { inode } = this.#need(path)
    const restored = restoreXattrs(inode, this.#image.xattrs(inode), this.#isWhiteout(inode), this.#shown)
    return [...(restored ?? [])]
      .map(([name, value]) => ({ name: fromBytes(name), value: Buffer.from(value, 'latin1') }))
      .sort((a, b) => compareNames(a.name, b.name))
  }

  #need(path: string): { readonly inode: ErofsInode; readonly parentNid: number } {
    const found = this.#find(path)
    if (found === undefined) throw treeError('TREE_NOT_FOUND', path, 'does not exist')
    return found
  }

  #find(path: string): { readonly inode: ErofsInode; readonly parentNid: number } | undefined {
    const plain = normalizePath(path)
    let inode = this.#image.root
    let parentNid = inode.nid
    if (plain === '') return { inode, parentNid }
    for (const name of toBytes(plain).split('/')) {
      if (typeOf(inode) === 'symlink') throw escapes(path)
      if (typeOf(inode) !== 'directory') return undefined
      const child = this.#image.children(inode, parentNid).get(name)
      if (child === undefined || this.#isStub(inode, name, child)) return undefined
      parentNid = inode.nid
      inode = child
    }
    return { inode, parentNid }
  }

  #isStub(parent: ErofsInode, name: ByteString, child: ErofsInode): boolean {
    if (parent.nid !== this.#image.root.nid || name.length !== 2) return false
    const real = typeOf(child) === 'char' && child.u === 0
    return isRootStub(name, child, real || this.#isWhiteout(child), this.#shown)
  }

  #isWhiteout(inode: ErofsInode): boolean {
    // Those that the writer makes are empty; the attributes of other files need not be looked at.
    if (inode.size !== 0 || inode.xattrSize === 0) return false
    return isEscapedWhiteout(inode, this.#image.xattrs(inode), this.#shown)
  }

  #stat(inode: ErofsInode): Stat {
    return {
      type: this.#isWhiteout(inode) ? 'char' : typeOf(inode),
      mode: inode.mode & 0o7777,
      uid: inode.uid,
      gid: inode.gid,
      sizeBytes: Number(inode.size),
      mtime: Number(inode.mtimeSec) + inode.mtimeNsec / 1e9,
      nlink: inode.nlink,
      dev: this.#device,
      ino: inode.nid,
    }
  }
}

function typeOf(inode: ErofsInode): EntryType {
  return types.get(inode.mode & S_IFMT)!
}

function treeError(code: `TREE_${string}`, path: string, problem: string): BootcError {
  return new BootcError(code, `${JSON.stringify(path)} ${problem}`, { details: { path } })
}

function escapes(path: string): BootcError {
  return treeError('TREE_ESCAPE', path, 'goes through a symbolic link')
}
