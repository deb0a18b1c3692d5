import { S_IFMT, S_IFREG, type ByteString, type Inode } from '../../tree/inode.js'
import type { Flavor } from '../dump/limits.js'
import { invalidTree } from '../errors.js'
import { isHexDigest } from '../hex.js'
import { algorithmNumber, digestBytes, objectPath, type VerityAlgorithm } from '../types.js'
import { METACOPY_HEADER_SIZE, XATTR_METACOPY, XATTR_REDIRECT } from './constants.js'
import type { InodeList } from './inode-list.js'
import type { XattrPair, XattrTable } from './xattr-table.js'

/** How a file refers to an object, in bits: it does; it names a path; either attribute is shared. */
export const REFERS = 1
export const HAS_REDIRECT = 2
export const SHARES_METACOPY = 4
export const SHARES_REDIRECT = 8

const SLASH = 0x2f

/**
 * The attributes that make files refer to objects. They differ from file to file, so they are not made into
 * pairs, except the few that several files share because their content is equal.
 */
export class References {
  readonly metacopyBytes: number
  private readonly header: ByteString
  private readonly metacopyUses = new Map<string, number>()
  private readonly redirectUses = new Map<ByteString, number>()
  private readonly metacopyPairs = new Map<string, XattrPair>()
  private readonly redirectPairs = new Map<ByteString, XattrPair>()
  /** Every path so far follows from the digest: then paths are shared exactly when digests are. */
  private regular = true

  constructor(
    readonly algorithm: VerityAlgorithm,
    private readonly flavor: Flavor,
    private readonly epoch: 1 | 2,
  ) {
    this.metacopyBytes = METACOPY_HEADER_SIZE + digestBytes[algorithm]
    this.header = String.fromCharCode(0, this.metacopyBytes, 0, algorithmNumber[algorithm])
  }

  /** Does its content lie outside the image? */
  isExternal(inode: Inode): boolean {
    if ((inode.mode & S_IFMT) !== S_IFREG || inode.content !== undefined) return false
    // composefs-rs lets even an empty file refer to an object when it is told to.
    return inode.size > 0 || (this.flavor === 'rs' && (inode.digest !== '' || inode.payload !== ''))
  }

  /** Path of the object in the redirect attribute, without the leading slash; '' when there is none. */
  redirectOf(inode: Inode): ByteString {
    if (this.flavor === 'c' || inode.digest === '') return inode.payload
    return inode.payload !== '' && isPathOf(inode.payload, inode.digest)
      ? inode.payload
      : objectPath(inode.digest)
  }

  /** Takes an external file into account; its bits, until more is known. */
  add(inode: Inode): number {
    const { digest } = inode
    if (digest !== '' && !isHexDigest(digest, this.algorithm)) {
      throw invalidTree('digest', `${digest} is no ${this.algorithm} digest`)
    }
    if (this.regular && (digest === '' || !isPathOf(this.redirectOf(inode), digest))) this.regular = false
    this.metacopyUses.set(digest, (this.metacopyUses.get(digest) ?? 0) + 1)
    return REFERS
  }

  /** Makes pairs of what is shared. */
  share(list: InodeList, table: XattrTable): void {
    if (!this.regular) {
      for (let ino = 0; ino < list.length; ino++) {
        const path = list.kinds[ino] === 0 ? '' : this.redirectOf(list.inodes[ino] as Inode)
        if (path !== '') this.redirectUses.set(path, (this.redirectUses.get(path) ?? 0) + 1)
      }
    }
    for (const [digest, uses] of this.metacopyUses) {
      if (uses < 2) continue
      const value = digest === '' ? '' : this.header + Buffer.from(digest, 'hex').toString('latin1')
      this.metacopyPairs.set(digest, use(table.pair(XATTR_METACOPY, value), uses))
      if (this.regular) this.shareRedirect(objectPath(digest), uses, table)
    }
    for (const [path, uses] of this.redirectUses) if (uses > 1) this.shareRedirect(path, uses, table)
    this.metacopyUses.clear()
    this.redirectUses.clear()
  }

  /** Bits of an external file, after `share`. */
  kindOf(inode: Inode): number {
    let kind = REFERS
    if (this.redirectOf(inode) !== '') kind |= HAS_REDIRECT
    if (this.metacopyPairs.has(inode.digest)) {
      kind |= SHARES_METACOPY
      if (this.regular) return kind | SHARES_REDIRECT
    }
    if (!this.regular && this.redirectPairs.has(this.redirectOf(inode))) kind |= SHARES_REDIRECT
    return kind
  }

  sharedMetacopy(inode: Inode): XattrPair {
    return this.metacopyPairs.get(inode.digest) as XattrPair
  }

  sharedRedirect(inode: Inode): XattrPair {
    return this.redirectPairs.get(this.redirectOf(inode)) as XattrPair
  }

  metacopyValueBytes(inode: Inode): number {
    return inode.digest === '' ? 0 : this.metacopyBytes
  }

  /** Null addresses of chunks follow an external file of version 2 only when its digest is known. */
  hasChunks(inode: Inode): boolean {
    return this.epoch === 1 ? inode.size > 0 : inode.digest !== ''
  }

  private shareRedirect(path: ByteString, uses: number, table: XattrTable): void {
    this.redirectPairs.set(path, use(table.pair(XATTR_REDIRECT, `/${path}`), uses))
  }
}

function use(pair: XattrPair, uses: number): XattrPair {
  pair.uses += uses
  return pair
}

/** Is it `xx/rest` of the digest? Without making the string, because every file is asked. */
function isPathOf(path: ByteString, digest: string): boolean {
  if (path.length !== digest.length + 1 || path.charCodeAt(2) !== SLASH) return false
  if (path.charCodeAt(0) !== digest.charCodeAt(0) || path.charCodeAt(1) !== digest.charCodeAt(1)) return false
  for (let i = 2; i < digest.length; i++) {
    if (path.charCodeAt(i + 1) !== digest.charCodeAt(i)) return false
  }
  return true
}
