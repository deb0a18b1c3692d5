import { type ErofsVersion, type VerityAlgorithm } from '../types.js'
import { S_IFDIR, S_IFMT, S_IFREG, type ByteString, type FileTree } from '../../tree/inode.js'
import { badImage } from '../errors.js'
import type { TreeConvention } from './read-convention.js'
import { forEachEntry } from './read-directory.js'
import {
  algorithmOfDigest,
  isPathOf,
  objectsOf,
  readExternal,
  type ExternalFile,
  type ReferencedObject,
} from './read-external.js'
import { readContent, readTarget } from './read-content.js'
import type { ErofsInode } from './read-inode.js'
import { readSuperblock, type Superblock } from './read-superblock.js'
import { readTree } from './read-tree.js'
import { readChild, readRoot, visitTree, walkTree, type ErofsEntry } from './read-walk.js'
import { Work } from './read-work.js'
import { XattrDecoder, type StoredXattr } from './read-xattrs.js'

/**
 * A composefs image. Nothing but header, superblock and root was read when it is opened; all methods throw
 * `STORE_COMPOSEFS_BAD_IMAGE` when they meet damage. Names and paths are bytes, links are never followed.
 */
export interface ErofsImage {
  readonly version: ErofsVersion
  /** Of the first file that has a digest; undefined when none has one. Found on first use. */
  readonly algorithm: VerityAlgorithm | undefined
  /** As the superblock says. */
  readonly inodeCount: number
  readonly root: ErofsInode
  /** Header and superblock, and the bytes of the image. */
  readonly superblock: Superblock

  /** The inode at a path; a leading `/` is optional, `''` is the root. */
  lookup(path: ByteString): ErofsInode | undefined
  /** Entry of a directory, by name. @param parentNid what its `..` must be */
  children(directory: ErofsInode, parentNid: number): ReadonlyMap<ByteString, ErofsInode>
  /** Every name that is in the image, stubs and all, depth first in byte order. */
  walk(): Iterable<ErofsEntry>
  /** What was written into the image; see `TreeConvention`. */
  tree(options?: { readonly convention?: TreeConvention }): FileTree
  /** Objects that files refer to, each once, in no particular order. */
  objects(): Iterable<ReferencedObject>

  /** Attributes as stored, with those of the overlay. */
  xattrs(inode: ErofsInode): readonly StoredXattr[]
  /** Target of a symbolic link. */
  target(inode: ErofsInode): ByteString
  /** Content of a regular file that is in the image: a copy. */
  content(inode: ErofsInode): Uint8Array
  /** Undefined for files whose content is in the image, and for what is no file. */
  external(inode: ErofsInode): ExternalFile | undefined
}

/**
 * Open an image in memory, of composefs_version 0, 1 or 2.
 *
 * @param image at most 1 GiB; must not change while the result is in use
 * @throws BootcError `STORE_COMPOSEFS_BAD_IMAGE`
 * @see docs of the format: composefs 1.0.8 libcomposefs/lcfs-writer-erofs.c, composefs-rs 0.7.0 erofs/
 */
export function readErofs(image: Uint8Array): ErofsImage {
  return new Image(readSuperblock(image))
}

/** Directories kept decoded for `lookup`. */
const maxCached = 256

class Image implements ErofsImage {
  readonly superblock: Superblock
  readonly root: ErofsInode
  readonly #xattrs: XattrDecoder
  readonly #directories = new Map<number, ReadonlyMap<ByteString, ErofsInode>>()
  #algorithm: VerityAlgorithm | undefined | null = null

  constructor(superblock: Superblock) {
    this.superblock = superblock
    this.root = readRoot(superblock)
    this.#xattrs = new XattrDecoder(superblock, new Work(superblock.bytes.length))
  }

  get version(): ErofsVersion {
    return this.superblock.version
  }

  get inodeCount(): number {
    return this.superblock.inodeCount
  }

  get algorithm(): VerityAlgorithm | undefined {
    if (this.#algorithm === null) {
      this.#algorithm = undefined
      for (const { inode } of this.walk()) {
        const digest = this.external(inode)?.digest ?? ''
        if (digest === '') continue
        this.#algorithm = algorithmOfDigest(digest)
        break
      }
    }
    return this.#algorithm
  }

  lookup(path: ByteString): ErofsInode | undefined {
    let parentNid = this.root.nid
    let inode = this.root
    for (const name of path.split('/')) {
      if (name === '') continue
      if ((inode.mode & S_IFMT) !== S_IFDIR) return undefined
      const child = this.children(inode, parentNid).get(name)
      if (child === undefined) return undefined
      parentNid = inode.nid
      inode = child
    }
    return inode
  }

  children(directory: ErofsInode, parentNid: number): ReadonlyMap<ByteString, ErofsInode> {
    const known = this.#directories.get(directory.nid)
    if (known !== undefined) return known
    const { superblock } = this
    const entries = new Map<ByteString, ErofsInode>()
    forEachEntry(superblock, directory, parentNid, (nid, type, start, end, dirent) => {
      entries.set(superblock.bytes.toString('latin1', start, end), readChild(superblock, nid, type, dirent))
    })
    if (this.#directories.size >= maxCached) this.#directories.delete(this.#directories.keys().next().value!)
    this.#directories.set(directory.nid, entries)
    return entries
  }

  walk(): Iterable<ErofsEntry> {
    return walkTree(this.superblock)
  }

  tree(options: { readonly convention?: TreeConvention } = {}): FileTree {
    return readTree(this.superblock, options.convention)
  }

  objects(): Iterable<ReferencedObject> {
    const found = new Map<string, ReferencedObject>()
    const { superblock } = this
    let digestLength = 0
    visitTree<true>(superblock, {
      directory: () => true,
      leaf: (inode, _parent, _start, _end, again) => {
        if (again || (inode.mode & S_IFMT) !== S_IFREG) return
        const external = readExternal(superblock, inode)
        if (external === undefined) return
        const { digest, payload } = external
        if (digest !== '') {
          if (digestLength !== 0 && digest.length !== digestLength) {
            throw badImage('files have digests of both algorithms', { offset: inode.offset })
          }
          digestLength = digest.length
          // The usual case, without making objects for what is known.
          if (found.has(digest) && (payload === '' || isPathOf(payload, digest))) return
        }
        for (const object of objectsOf(external)) found.set(object.digest || object.path, object)
      },
    })
    return found.values()
  }

  xattrs(inode: ErofsInode): readonly StoredXattr[] {
    return this.#xattrs.read(inode)
  }

  target(inode: ErofsInode): ByteString {
    return readTarget(this.superblock, inode)
  }

  content(inode: ErofsInode): Uint8Array {
    return readContent(this.superblock, inode)
  }

  external(inode: ErofsInode): ExternalFile | undefined {
    return readExternal(this.superblock, inode)
  }
}
