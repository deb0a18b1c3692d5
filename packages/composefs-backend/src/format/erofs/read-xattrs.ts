import { badImage } from '../errors.js'
import type { ByteString } from '../../tree/inode.js'
import { XATTR_ENTRY_SIZE, XATTR_HEADER_SIZE, XATTR_LONG_PREFIX, XATTR_PREFIXES } from './constants.js'
import type { ErofsInode } from './read-inode.js'
import type { Superblock } from './read-superblock.js'
import type { Work } from './read-work.js'

/**
 * Call `visit` for each attribute of an inode as it is in the image: those in the inode, then the shared
 * ones. `shared` is the id of a shared one, -1 otherwise.
 *
 * @throws BootcError `STORE_COMPOSEFS_BAD_IMAGE` for an area, an entry or an id that lies
 */
export function forEachXattr(
  image: Superblock,
  inode: ErofsInode,
  visit: (
    prefix: number,
    suffixOffset: number,
    valueOffset: number,
    valueEnd: number,
    shared: number,
  ) => void,
): void {
  if (inode.xattrSize === 0) return
  const { view, bytes } = image
  const start = inode.xattrOffset
  const end = start + inode.xattrSize
  const sharedCount = bytes[start + 4]!
  const inline = start + XATTR_HEADER_SIZE + sharedCount * 4
  if (inline > end) throw badImage(`inode ${inode.nid} shares more attributes than fit`, { offset: start })
  for (let at = inline; at < end;) {
    if (at + XATTR_ENTRY_SIZE > end) throw lying(inode, at)
    const suffixOffset = at + XATTR_ENTRY_SIZE
    const valueOffset = suffixOffset + bytes[at]!
    const valueEnd = valueOffset + view.getUint16(at + 2, true)
    if (valueEnd > end) throw lying(inode, at)
    visit(prefixAt(image, inode, at), suffixOffset, valueOffset, valueEnd, -1)
    // Areas are multiples of 4 from the inode's start, so rounding up cannot pass the end.
    at = (valueEnd + 3) & ~3
  }
  for (let index = 0; index < sharedCount; index++) {
    const reference = start + XATTR_HEADER_SIZE + index * 4
    const id = view.getUint32(reference, true)
    const at = image.xattrOffset + id * 4
    if (at + XATTR_ENTRY_SIZE > bytes.length) {
      throw badImage(`shared attribute ${id} of inode ${inode.nid} lies behind the end`, {
        offset: reference,
      })
    }
    const suffixOffset = at + XATTR_ENTRY_SIZE
    const valueOffset = suffixOffset + bytes[at]!
    const valueEnd = valueOffset + view.getUint16(at + 2, true)
    if (valueEnd > bytes.length) throw lying(inode, at)
    visit(prefixAt(image, inode, at), suffixOffset, valueOffset, valueEnd, id)
  }
}

/** Prefix index of `trusted.`, and the names below it that make a file refer to an object. */
export const XATTR_TRUSTED = 4
export const METACOPY_SUFFIX = 'overlay.metacopy'
export const REDIRECT_SUFFIX = 'overlay.redirect'

/** True when the suffix at this place is `suffix`. */
export function suffixIs(bytes: Buffer, from: number, to: number, suffix: ByteString): boolean {
  if (to - from !== suffix.length) return false
  for (let i = 0; i < suffix.length; i++) if (bytes[from + i] !== suffix.charCodeAt(i)) return false
  return true
}

/** An attribute as stored; `prefix` is the index that its name was split with. */
export type StoredXattr = readonly [name: ByteString, value: ByteString, prefix: number]

/** Attributes as strings; shared ones are decoded once. */
export class XattrDecoder {
  readonly #image: Superblock
  readonly #work: Work
  readonly #shared = new Map<number, StoredXattr>()
  /** Suffix to full name, so that a million inodes have one copy of a name. */
  readonly #names = XATTR_PREFIXES.map(() => new Map<ByteString, ByteString>())

  /** @param work where the bytes of shared attributes are charged, once each */
  constructor(image: Superblock, work: Work) {
    this.#image = image
    this.#work = work
  }

  /** Names and values in the order of `forEachXattr`, as stored. */
  read(inode: ErofsInode): StoredXattr[] {
    const out: StoredXattr[] = []
    forEachXattr(this.#image, inode, (...place) => out.push(this.#entry(...place)))
    return out
  }

  /** Without those that say where the content is: each file has its own, and `readExternal` reads them. */
  readOwn(inode: ErofsInode): StoredXattr[] {
    const out: StoredXattr[] = []
    const { bytes } = this.#image
    forEachXattr(this.#image, inode, (prefix, suffixOffset, valueOffset, valueEnd, id) => {
      const external =
        prefix === XATTR_TRUSTED &&
        (suffixIs(bytes, suffixOffset, valueOffset, METACOPY_SUFFIX) ||
          suffixIs(bytes, suffixOffset, valueOffset, REDIRECT_SUFFIX))
      if (!external) out.push(this.#entry(prefix, suffixOffset, valueOffset, valueEnd, id))
    })
    return out
  }

  #entry(
    prefix: number,
    suffixOffset: number,
    valueOffset: number,
    valueEnd: number,
    id: number,
  ): StoredXattr {
    const known = id < 0 ? undefined : this.#shared.get(id)
    if (known !== undefined) return known
    const entry = this.#decode(prefix, suffixOffset, valueOffset, valueEnd)
    if (id >= 0) {
      this.#work.spend(valueEnd - suffixOffset + XATTR_ENTRY_SIZE, suffixOffset)
      this.#shared.set(id, entry)
    }
    return entry
  }

  #decode(prefix: number, suffixOffset: number, valueOffset: number, valueEnd: number): StoredXattr {
    const { bytes } = this.#image
    const suffix = bytes.toString('latin1', suffixOffset, valueOffset)
    const names = this.#names[prefix]!
    let name = names.get(suffix)
    if (name === undefined) {
      name = `${XATTR_PREFIXES[prefix]!}${suffix}`
      if (name === '' || name.includes('\0'))
        throw badImage('an attribute has no name', { offset: suffixOffset })
      names.set(suffix, name)
    }
    return [name, bytes.toString('latin1', valueOffset, valueEnd), prefix]
  }
}

function prefixAt(image: Superblock, inode: ErofsInode, at: number): number {
  const prefix = image.bytes[at + 1]!
  if (prefix >= XATTR_PREFIXES.length) {
    const what = (prefix & XATTR_LONG_PREFIX) === 0 ? 'unknown' : 'long'
    throw badImage(`an attribute of inode ${inode.nid} has ${what} name prefix ${prefix}`, { offset: at })
  }
  return prefix
}

function lying(inode: ErofsInode, offset: number) {
  return badImage(`an attribute of inode ${inode.nid} is longer than its place`, { offset })
}
