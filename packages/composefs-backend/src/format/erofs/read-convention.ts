import type { ErofsVersion } from '../types.js'
import { S_IFCHR, S_IFMT, S_IFREG, type ByteString, type Inode, type Xattrs } from '../../tree/inode.js'
import {
  XATTR_ESCAPED_OPAQUE,
  XATTR_ESCAPED_WHITEOUT,
  XATTR_ESCAPED_WHITEOUTS,
  XATTR_OVERLAY,
  XATTR_OVERLAY_ESCAPED,
  XATTR_USER_OPAQUE,
  XATTR_USER_WHITEOUT,
  XATTR_USER_WHITEOUTS,
} from './constants.js'
import type { ErofsInode } from './read-inode.js'

/**
 * How an image is turned back into a tree. Writers change a tree (composefs.md section 3.2); the conventions
 * differ in what of it they undo.
 *
 * - `source`: all of it, so that the tree is the one that was written: whiteouts with their markers and the
 *   `opaque` they brought, escaped names, stubs.
 * - `c`: what `composefs-info dump` 1.0.8 shows: `opaque` on parents of whiteouts stays; real whiteouts
 *   (those of composefs_version 2) are missing.
 * - `rs`: what composefs-rs shows: every `overlay.opaque` goes; whiteouts in the root whose name is two hex
 *   digits are missing.
 */
export type TreeConvention = 'source' | 'c' | 'rs'

type Pairs = readonly (readonly [name: ByteString, value: ByteString])[]

const lowerStub = /^[0-9a-f]{2}$/
const anyStub = /^[0-9a-fA-F]{2}$/

/** The marker of a whiteout that was made a regular file. Neither tool asks for the size to be 0. */
export function escapedWhiteout(xattrs: Pairs): boolean {
  return xattrs.some(([name]) => name === XATTR_ESCAPED_WHITEOUT)
}

/** An entry of the root that hides a directory of the object store, or is taken for one by the convention. */
export function isRootStub(
  version: ErofsVersion,
  name: ByteString,
  found: ErofsInode,
  inode: Inode,
  convention: TreeConvention,
): boolean {
  if ((inode.mode & S_IFMT) !== S_IFCHR || inode.rdev !== 0) return false
  if (convention === 'rs') return anyStub.test(name)
  return version !== 2 && (found.mode & S_IFMT) === S_IFCHR && lowerStub.test(name)
}

/**
 * Attributes of the original file. Of several with one name the last one wins.
 *
 * @param stored as they are in the image
 */
export function restoreXattrs(stored: Pairs, mode: number, convention: TreeConvention): Xattrs | undefined {
  if (stored.length === 0) return undefined
  const regular = (mode & S_IFMT) === S_IFREG
  const markedOpaque = convention === 'source' && stored.some(([name]) => name === XATTR_ESCAPED_WHITEOUTS)
  const out = new Map<ByteString, ByteString>()
  for (const [name, value] of stored) {
    switch (name) {
      case XATTR_ESCAPED_WHITEOUT:
        if (regular || convention === 'rs') continue
        break
      case XATTR_ESCAPED_WHITEOUTS:
      case XATTR_USER_WHITEOUT:
      case XATTR_USER_WHITEOUTS:
        continue
      case XATTR_ESCAPED_OPAQUE:
      case XATTR_USER_OPAQUE:
        if (convention === 'rs' || (markedOpaque && value === 'x')) continue
        break
      default:
    }
    if (!name.startsWith(XATTR_OVERLAY)) out.set(name, value)
    else if (name.startsWith(XATTR_OVERLAY_ESCAPED)) {
      out.set(XATTR_OVERLAY + name.slice(XATTR_OVERLAY_ESCAPED.length), value)
    }
  }
  return out.size === 0 ? undefined : out
}
