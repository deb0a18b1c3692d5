import type { ByteString, Xattrs } from '../../tree/inode.js'
import { invalidTree } from '../errors.js'
import type { Flavor } from '../dump/limits.js'
import {
  XATTR_ACL_ACCESS,
  XATTR_ACL_DEFAULT,
  XATTR_ENTRY_SIZE,
  XATTR_FILTER_SEED,
  XATTR_METACOPY,
  XATTR_OVERLAY,
  XATTR_OVERLAY_ESCAPED,
  XATTR_PREFIXES,
  XATTR_REDIRECT,
} from './constants.js'
import type { XattrArea } from './xattr-area.js'
import { xxh32 } from './xxh32.js'

/** Inode order and placement: 1 for composefs_version 0 and 1, 2 for 2. */
export type Epoch = 1 | 2

/** Prefix that version 2 knows and the others spell out. */
const LUSTRE = 5

/** A name with a value, as many inodes as may have it. */
export class XattrPair {
  readonly prefix: number
  readonly suffix: ByteString
  /** Bit of the name filter. */
  readonly filter: number
  /** Bytes of the entry, padded. */
  readonly size: number
  /** How many inodes have it. */
  uses = 0
  /** Where it lies in the shared table; -1 when it is not shared. */
  sharedOffset = -1

  constructor(
    readonly key: ByteString,
    readonly value: ByteString,
    epoch: Epoch,
  ) {
    this.prefix = prefixOf(key, epoch)
    this.suffix = key.slice((XATTR_PREFIXES[this.prefix] as string).length)
    this.filter = 1 << (xxh32(this.suffix, (XATTR_FILTER_SEED + this.prefix) >>> 0) & 31)
    this.size = (XATTR_ENTRY_SIZE + this.suffix.length + value.length + 3) & ~3
    if (this.suffix.length > 255 || value.length > 65535) {
      throw invalidTree(key, 'the name or the value of the attribute is too long')
    }
  }
}

function prefixOf(key: ByteString, epoch: Epoch): number {
  for (let index = XATTR_PREFIXES.length - 1; index > 0; index--) {
    if (index === LUSTRE && epoch === 1) continue
    if (key.startsWith(XATTR_PREFIXES[index] as string)) return index
  }
  return 0
}

/** Attributes of an inode in the order of its image, without those that refer to an object. */
export class XattrSet {
  readonly pairs: readonly XattrPair[]
  uses = 0
  /** How they are laid out, by kind of reference. */
  readonly areas: (XattrArea | undefined)[] = new Array<undefined>(16).fill(undefined)

  constructor(pairs: readonly XattrPair[]) {
    this.pairs = pairs
  }
}

/** Every attribute of an image, each pair and each set of pairs once. */
export class XattrTable {
  /** Some inode has a POSIX ACL. */
  hasAcl = false
  readonly none = new XattrSet([])
  private readonly byKey = new Map<ByteString, Map<ByteString, XattrPair>>()
  private readonly bySource = new Map<Xattrs, XattrSet>()
  private readonly ids = new Map<XattrPair, number>()
  private readonly byPairs = new Map<string, XattrSet>()

  constructor(
    readonly epoch: Epoch,
    readonly flavor: Flavor,
  ) {}

  /** The set for a file; the same object gives the same set, and so do equal attributes. */
  set(xattrs: Xattrs | undefined): XattrSet {
    if (xattrs === undefined || xattrs.size === 0) return this.none
    const known = this.bySource.get(xattrs)
    if (known !== undefined) return known
    const set = this.intern(this.escaped(xattrs))
    this.bySource.set(xattrs, set)
    return set
  }

  /**
   * The set with marks that the overlay file system needs. mkcomposefs replaces an attribute of the same
   * name, composefs-rs writes both.
   */
  marked(xattrs: Xattrs | undefined, marks: readonly (readonly [ByteString, ByteString])[]): XattrSet {
    let pairs = this.escaped(xattrs ?? new Map())
    for (const [key, value] of marks) {
      if (this.flavor === 'c') pairs = pairs.filter((pair) => pair.key !== key)
      pairs.push(this.pair(key, value))
    }
    return this.intern(pairs)
  }

  pair(key: ByteString, value: ByteString): XattrPair {
    let values = this.byKey.get(key)
    if (values === undefined) this.byKey.set(key, (values = new Map<ByteString, XattrPair>()))
    let pair = values.get(value)
    if (pair === undefined) values.set(value, (pair = new XattrPair(key, value, this.epoch)))
    return pair
  }

  /** All pairs that occur. */
  *pairs(): Iterable<XattrPair> {
    for (const values of this.byKey.values()) yield* values.values()
  }

  /** Adds the uses of the sets to their pairs. */
  count(): void {
    for (const set of this.byPairs.values()) {
      if (set.uses === 0) continue
      for (const pair of set.pairs) {
        pair.uses += set.uses
        if (pair.key === XATTR_ACL_ACCESS || pair.key === XATTR_ACL_DEFAULT) this.hasAcl = true
      }
    }
  }

  private escaped(xattrs: Xattrs): XattrPair[] {
    const entries = [...xattrs]
    if (this.epoch === 2) entries.sort(([a], [b]) => (a < b ? -1 : 1))
    return entries.map(([name, value]) => {
      if (name === '' || name.includes('\0')) throw invalidTree(name, 'not the name of an attribute')
      const overlay = name.startsWith(XATTR_OVERLAY)
      const key = overlay ? XATTR_OVERLAY_ESCAPED + name.slice(XATTR_OVERLAY.length) : name
      return this.pair(key, value)
    })
  }

  private intern(pairs: XattrPair[]): XattrSet {
    if (this.epoch === 1 && pairs.length > 1) pairs.sort(compareAscending)
    const key = pairs.map((pair) => this.id(pair)).join()
    let set = this.byPairs.get(key)
    if (set === undefined) this.byPairs.set(key, (set = new XattrSet(pairs)))
    return set
  }

  private id(pair: XattrPair): number {
    let id = this.ids.get(pair)
    if (id === undefined) this.ids.set(pair, (id = this.ids.size))
    return id
  }
}

/** By name, then by length of the value, then by value. */
export function compareAscending(a: XattrPair, b: XattrPair): number {
  if (a.key !== b.key) return a.key < b.key ? -1 : 1
  if (a.value.length !== b.value.length) return a.value.length - b.value.length
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0
}

/** Order of the shared table in version 2: as the entries are made up, not as names read. */
export function compareByPrefix(a: XattrPair, b: XattrPair): number {
  if (a.prefix !== b.prefix) return a.prefix - b.prefix
  if (a.suffix !== b.suffix) return a.suffix < b.suffix ? -1 : 1
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0
}

/** Name filter bits of the two attributes of files whose content is an object. */
export const metacopyFilter = new XattrPair(XATTR_METACOPY, '', 1).filter
export const redirectFilter = new XattrPair(XATTR_REDIRECT, '', 1).filter
