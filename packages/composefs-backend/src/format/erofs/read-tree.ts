import {
  directory,
  Inode,
  S_IFBLK,
  S_IFCHR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  type FileTree,
} from '../../tree/inode.js'
import {
  isEscapedWhiteout,
  isRootStub,
  restoreXattrs,
  type Shown,
  type TreeConvention,
} from './read-convention.js'
import { readExternal } from './read-external.js'
import { readContent, readTarget } from './read-content.js'
import type { ErofsInode } from './read-inode.js'
import type { Superblock } from './read-superblock.js'
import { visitTree } from './read-walk.js'
import { Work } from './read-work.js'
import { XattrDecoder } from './read-xattrs.js'

/**
 * The tree that an image was made from.
 *
 * @throws BootcError `STORE_COMPOSEFS_BAD_IMAGE`
 */
export function readTree(image: Superblock, convention: TreeConvention = 'source'): FileTree {
  const reader = new TreeReader(image, convention)
  return { root: reader.read() }
}

/** A directory on the way, with what the decision about stubs needs to know. */
interface Place {
  readonly inode: Inode & { children: NonNullable<Inode['children']> }
  readonly isRoot: boolean
}

class TreeReader {
  readonly #image: Superblock
  readonly #shown: Shown
  readonly #work: Work
  readonly #xattrs: XattrDecoder
  /** Leaves by inode number; undefined: not shown in this convention. */
  readonly #leaves = new Map<number, Inode | undefined>()

  constructor(image: Superblock, convention: TreeConvention) {
    this.#image = image
    this.#shown = { version: image.version, convention }
    this.#work = new Work(image.bytes.length)
    this.#xattrs = new XattrDecoder(image, new Work(image.bytes.length))
  }

  read(): Inode {
    const { bytes } = this.#image
    let root: Inode | undefined
    visitTree<Place>(
      this.#image,
      {
        directory: (found, parent, start, end) => {
          const inode = directory() as Place['inode']
          this.#attributes(inode, found)
          inode.xattrs = restoreXattrs(found, this.#xattrs.readOwn(found), false, this.#shown)
          if (parent === undefined) root = inode
          else parent.inode.children.set(bytes.toString('latin1', start, end), inode)
          return { inode, isRoot: parent === undefined }
        },
        leaf: (found, parent, start, end) => {
          const name = bytes.toString('latin1', start, end)
          const inode = this.#leaf(found)
          if (inode === undefined) return
          if (parent.isRoot && isRootStub(name, found, isWhiteout(inode), this.#shown)) return
          parent.inode.children.set(name, inode)
        },
      },
      this.#work,
    )
    return root!
  }

  #leaf(found: ErofsInode): Inode | undefined {
    if (this.#leaves.has(found.nid)) return this.#leaves.get(found.nid)
    const inode = this.#build(found)
    this.#leaves.set(found.nid, inode)
    return inode
  }

  #build(found: ErofsInode): Inode | undefined {
    const type = found.mode & S_IFMT
    const inode = new Inode(found.mode)
    this.#attributes(inode, found)
    const stored = this.#xattrs.readOwn(found)
    const whiteout = isEscapedWhiteout(found, stored, this.#shown)
    inode.xattrs = restoreXattrs(found, stored, whiteout, this.#shown)
    if (whiteout) {
      inode.mode = (inode.mode & ~S_IFMT) | S_IFCHR
    } else if (type === S_IFREG) {
      this.#regular(inode, found)
    } else if (type === S_IFLNK) {
      inode.target = readTarget(this.#image, found)
    } else if (type === S_IFCHR || type === S_IFBLK) {
      inode.rdev = found.u
      // mkcomposefs takes any real whiteout for a stub.
      if (this.#shown.convention === 'c' && isWhiteout(inode)) return undefined
    }
    return inode
  }

  #regular(inode: Inode, found: ErofsInode): void {
    inode.size = found.size
    const external = readExternal(this.#image, found)
    if (external !== undefined) {
      inode.digest = external.digest
      inode.payload = external.payload
    } else if (found.size !== 0) {
      inode.content = readContent(this.#image, found)
    }
  }

  #attributes(inode: Inode, found: ErofsInode): void {
    inode.mode = found.mode
    inode.uid = found.uid
    inode.gid = found.gid
    inode.mtimeSec = found.mtimeSec
    inode.mtimeNsec = found.mtimeNsec
    inode.nlink = found.nlink
  }
}

function isWhiteout(inode: Inode): boolean {
  return (inode.mode & S_IFMT) === S_IFCHR && inode.rdev === 0
}
