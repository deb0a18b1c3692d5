import type { ErofsVersion } from '../types.js'
import { S_IFCHR, S_IFDIR, S_IFMT, S_IFREG, type ByteString, type Xattrs } from '../../tree/inode.js'
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

/** Attributes as stored. */
type Stored = readonly (readonly [name: ByteString, value: ByteString, ...unknown[]])[]

/** What decides how an inode is shown. */
export interface Shown {
  readonly version: ErofsVersion
  readonly convention: TreeConvention
}

const lowerStub = /^[0-9a-f]{2}$/
const anyStub = /^[0-9a-fA-F]{2}$/

const none: ReadonlySet<ByteString> = new Set()
const markersC = new Set([XATTR_ESCAPED_WHITEOUTS, XATTR_USER_WHITEOUT, XATTR_USER_WHITEOUTS])
const markersCRegular = new Set([...markersC, XATTR_ESCAPED_WHITEOUT])
const markersRs = new Set([...markersCRegular, XATTR_ESCAPED_OPAQUE, XATTR_USER_OPAQUE])
const markersWhiteout = new Set([XATTR_ESCAPED_WHITEOUT, XATTR_USER_WHITEOUT])
const markersParent = new Set([XATTR_ESCAPED_WHITEOUTS, XATTR_USER_WHITEOUTS])

/**
 * A whiteout that was made a regular file. The tools ask only for the marker; the writer makes such files of
 * size 0, and none in version 2.
 */
export function isEscapedWhiteout(
  found: ErofsInode,
  stored: Stored,
  { version, convention }: Shown,
): boolean {
  if ((found.mode & S_IFMT) !== S_IFREG) return false
  if (convention === 'source' && (version === 2 || found.size !== 0)) return false
  return stored.some(([name]) => name === XATTR_ESCAPED_WHITEOUT)
}

/**
 * An entry of the root that hides a directory of the object store, or is taken for one by the convention.
 *
 * @param whiteout it is one, real or escaped
 */
export function isRootStub(name: ByteString, found: ErofsInode, whiteout: boolean, shown: Shown): boolean {
  if (!whiteout) return false
  if (shown.convention === 'rs') return anyStub.test(name)
  return shown.version !== 2 && (found.mode & S_IFMT) === S_IFCHR && lowerStub.test(name)
}

/**
 * Attributes of the original file. Of several with one name the last one wins.
 *
 * @param whiteout what `isEscapedWhiteout` says
 */
export function restoreXattrs(
  found: ErofsInode,
  stored: Stored,
  whiteout: boolean,
  shown: Shown,
): Xattrs | undefined {
  if (stored.length === 0) return undefined
  const markers = markersOf(found, stored, whiteout, shown)
  // Version 1 sets it on parents of whiteouts, whatever they had.
  const opaqueIsMarker = markers === markersParent && shown.version === 1
  const out = new Map<ByteString, ByteString>()
  for (const [name, value] of stored) {
    if (markers.has(name)) continue
    if (opaqueIsMarker && value === 'x' && (name === XATTR_ESCAPED_OPAQUE || name === XATTR_USER_OPAQUE))
      continue
    if (!name.startsWith(XATTR_OVERLAY)) out.set(name, value)
    else if (name.startsWith(XATTR_OVERLAY_ESCAPED)) {
      out.set(XATTR_OVERLAY + name.slice(XATTR_OVERLAY_ESCAPED.length), value)
    }
  }
  return out.size === 0 ? undefined : out
}

function markersOf(
  found: ErofsInode,
  stored: Stored,
  whiteout: boolean,
  { version, convention }: Shown,
): ReadonlySet<ByteString> {
  if (convention === 'rs') return markersRs
  const type = found.mode & S_IFMT
  if (convention === 'c') return type === S_IFREG ? markersCRegular : markersC
  if (whiteout) return markersWhiteout
  const parent =
    version !== 2 && type === S_IFDIR && stored.some(([name]) => name === XATTR_ESCAPED_WHITEOUTS)
  return parent ? markersParent : none
}
