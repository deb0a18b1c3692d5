import { badImage } from '../errors.js'
import { S_IFCHR, S_IFLNK, S_IFMT, S_IFREG } from '../../tree/inode.js'
import { checkInode, FilterBits } from './check-inode.js'
import { XATTR_ESCAPED_WHITEOUT } from './constants.js'
import { badInode, type ErofsInode } from './read-inode.js'
import type { ErofsImage } from './read.js'
import { visitTree } from './read-walk.js'
import { Work } from './read-work.js'
import { XattrDecoder } from './read-xattrs.js'

export interface CheckErofsOptions {
  /**
   * Default true: link counts must be those of the tree, as composefs-rs demands. mkcomposefs writes what its
   * input says, so its images may fail this and still be sound.
   */
  readonly nlink?: boolean
}

const stub = /^[0-9a-f]{2}$/
const stubCount = 256

interface Directory {
  readonly inode: ErofsInode
  readonly isRoot: boolean
  subdirectories: number
}

/**
 * Check all of an image by the rules under which composefs-rs takes images ("restrict" and fsck), and that
 * what the kernel would show is what we read: inline data that it can map, name filters that hide nothing,
 * the superblock's count of inodes, the flag for ACLs. Objects are not looked at.
 *
 * @throws BootcError `STORE_COMPOSEFS_BAD_IMAGE` for the first fault
 */
export function checkErofs(image: ErofsImage, options: CheckErofsOptions = {}): void {
  new Checker(image, options.nlink ?? true).run()
}

class Checker {
  readonly #image: ErofsImage
  readonly #nlink: boolean
  readonly #xattrs: XattrDecoder
  readonly #bits = new FilterBits()
  readonly #directories: Directory[] = []
  readonly #links = new Map<number, { readonly inode: ErofsInode; names: number }>()
  readonly #stubs = new Set<string>()
  #hasAcl = false
  #digestLength = 0

  constructor(image: ErofsImage, nlink: boolean) {
    this.#image = image
    this.#nlink = nlink
    this.#xattrs = new XattrDecoder(image.superblock, new Work(image.superblock.bytes.length))
  }

  run(): void {
    const { superblock } = this.#image
    visitTree<Directory>(superblock, {
      directory: (inode, parent, start, end) => {
        if (parent !== undefined) {
          parent.subdirectories++
          this.#stub(parent, start, end)
        }
        this.#inode(inode)
        const directory = { inode, isRoot: parent === undefined, subdirectories: 0 }
        this.#directories.push(directory)
        return directory
      },
      leaf: (inode, parent, start, end, again) => {
        const isStub = this.#stub(parent, start, end)
        if (again) this.#links.get(inode.nid)!.names++
        else {
          this.#links.set(inode.nid, { inode, names: 1 })
          this.#inode(inode)
        }
        this.#whiteout(inode, isStub)
      },
    })
    this.#counts()
  }

  /** True for a name of the root that a stub may have. */
  #stub(parent: Directory, start: number, end: number): boolean {
    if (!parent.isRoot || end - start !== 2) return false
    const name = this.#image.superblock.bytes.toString('latin1', start, end)
    if (!stub.test(name)) return false
    this.#stubs.add(name)
    return true
  }

  #inode(inode: ErofsInode): void {
    const { superblock, version } = this.#image
    const xattrs = this.#xattrs.read(inode)
    checkInode(superblock, inode, xattrs, this.#bits)
    this.#hasAcl ||= xattrs.some(([name]) => name.startsWith('system.posix_acl_'))
    const type = inode.mode & S_IFMT
    if (type === S_IFLNK) this.#image.target(inode)
    if (type !== S_IFREG) return
    if (version === 2 && xattrs.some(([name]) => name === XATTR_ESCAPED_WHITEOUT)) {
      throw badInode(inode, 'is an escaped whiteout, which version 2 has not')
    }
    const digest = this.#image.external(inode)?.digest ?? ''
    if (digest === '') return
    if (this.#digestLength !== 0 && this.#digestLength !== digest.length) {
      throw badInode(inode, 'has a digest of another algorithm than others')
    }
    this.#digestLength = digest.length
  }

  #whiteout(inode: ErofsInode, isStub: boolean): void {
    if ((inode.mode & S_IFMT) !== S_IFCHR || inode.u !== 0) return
    if (this.#nlink && inode.nlink > 1) throw badInode(inode, 'has several links')
    if (this.#image.version !== 2 && !isStub) {
      throw badInode(inode, 'is a whiteout outside of the stubs')
    }
  }

  #counts(): void {
    const { superblock, version, inodeCount } = this.#image
    if (version !== 2 && this.#stubs.size !== stubCount) {
      throw badImage(`the root has ${this.#stubs.size} of the ${stubCount} names that hide objects`)
    }
    const found = this.#directories.length + this.#links.size
    if (inodeCount !== found) throw badImage(`the superblock counts ${inodeCount} inodes, there are ${found}`)
    if (version !== 2 && this.#hasAcl && !superblock.hasAcl) {
      throw badImage('there are ACLs, but the header says that there are none')
    }
    if (!this.#nlink) return
    for (const { inode, subdirectories } of this.#directories) checkLinks(inode, subdirectories + 2)
    for (const { inode, names } of this.#links.values()) checkLinks(inode, names)
  }
}

function checkLinks(inode: ErofsInode, expected: number): void {
  if (inode.nlink === expected) return
  throw badInode(inode, `has ${expected} links, but says ${inode.nlink}`)
}
