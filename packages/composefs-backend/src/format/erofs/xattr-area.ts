import type { Inode } from '../../tree/inode.js'
import { invalidTree } from '../errors.js'
import {
  MAX_SHARED_XATTRS_C,
  XATTR_ENTRY_SIZE,
  XATTR_HEADER_SIZE,
  XATTR_METACOPY,
  XATTR_PREFIXES,
  XATTR_REDIRECT,
} from './constants.js'
import { HAS_REDIRECT, REFERS, SHARES_METACOPY, SHARES_REDIRECT, type References } from './references.js'
import {
  metacopyFilter,
  redirectFilter,
  type XattrPair,
  type XattrSet,
  type XattrTable,
} from './xattr-table.js'

/** Stand-ins for the two attributes whose values belong to the file, not to the set. */
export const METACOPY = Symbol('metacopy')
export const REDIRECT = Symbol('redirect')
export type AreaEntry = XattrPair | typeof METACOPY | typeof REDIRECT

/** Number of 32-bit words that i_xattr_icount can say. */
const MAX_AREA = XATTR_HEADER_SIZE + (65535 - 1) * 4

/** How the attributes of an inode are laid out: for a set and a kind of reference, many files have the same. */
export class XattrArea {
  readonly shared: AreaEntry[] = []
  readonly inline: AreaEntry[] = []
  /** Name filter, as stored. */
  readonly filter: number
  /** Bytes of everything but the values of the two stand-ins. */
  private readonly fixedBytes: number
  private readonly inlineMetacopy: boolean
  private readonly inlineRedirect: boolean

  constructor(set: XattrSet, kind: number, table: XattrTable) {
    const entries = arrange(set, kind, table)
    const cap = table.flavor === 'c' && table.epoch === 1 ? MAX_SHARED_XATTRS_C : Infinity
    let bits = 0
    for (const entry of entries) {
      bits |= entry === METACOPY ? metacopyFilter : entry === REDIRECT ? redirectFilter : entry.filter
      const isShared =
        entry === METACOPY
          ? kind & SHARES_METACOPY
          : entry === REDIRECT
            ? kind & SHARES_REDIRECT
            : entry.sharedOffset >= 0
      if (isShared && this.shared.length < cap) this.shared.push(entry)
      else this.inline.push(entry)
    }
    this.filter = ~bits >>> 0
    this.inlineMetacopy = this.inline.includes(METACOPY)
    this.inlineRedirect = this.inline.includes(REDIRECT)
    let bytes = entries.length === 0 ? 0 : XATTR_HEADER_SIZE + 4 * this.shared.length
    for (const entry of this.inline) if (typeof entry === 'object') bytes += entry.size
    this.fixedBytes = bytes
  }

  /** Bytes that the area takes in an inode. */
  size(inode: Inode, references: References): number {
    let size = this.fixedBytes
    if (this.inlineMetacopy) {
      size += entrySize(METACOPY_SUFFIX.length, references.metacopyValueBytes(inode))
    }
    if (this.inlineRedirect) {
      size += entrySize(REDIRECT_SUFFIX.length, references.redirectOf(inode).length + 1)
    }
    if (size > MAX_AREA) throw invalidTree('inode', 'its attributes take more room than an inode has')
    return size
  }
}

/** The area of a set and a kind of reference; made at first use, when it is known what is shared. */
export function areaOf(set: XattrSet, kind: number, table: XattrTable): XattrArea {
  return (set.areas[kind] ??= new XattrArea(set, kind, table))
}

const TRUSTED = 'trusted.'
export const TRUSTED_INDEX = XATTR_PREFIXES.indexOf(TRUSTED)
export const METACOPY_SUFFIX = XATTR_METACOPY.slice(TRUSTED.length)
export const REDIRECT_SUFFIX = XATTR_REDIRECT.slice(TRUSTED.length)

export function entrySize(suffixBytes: number, valueBytes: number): number {
  return (XATTR_ENTRY_SIZE + suffixBytes + valueBytes + 3) & ~3
}

/** All attributes in the order of the image: by name, in version 2 the references first. */
function arrange(set: XattrSet, kind: number, table: XattrTable): AreaEntry[] {
  const entries: AreaEntry[] = [...set.pairs]
  if (!(kind & REFERS)) return entries
  const place = (key: string): number => {
    const at = set.pairs.findIndex((pair) => pair.key > key)
    return at < 0 ? set.pairs.length : at
  }
  const metacopyAt = table.epoch === 2 ? 0 : place(XATTR_METACOPY)
  const redirectAt = table.epoch === 2 ? 0 : place(XATTR_REDIRECT)
  if (kind & HAS_REDIRECT) entries.splice(redirectAt, 0, REDIRECT)
  entries.splice(metacopyAt, 0, METACOPY)
  return entries
}
