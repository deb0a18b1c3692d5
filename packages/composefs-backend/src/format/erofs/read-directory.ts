import { badImage } from '../errors.js'
import { BLOCK_SIZE, DIRENT, DIRENT_SIZE } from './constants.js'
import type { ErofsInode } from './read-inode.js'
import type { Superblock } from './read-superblock.js'

const dot = 0x2e
const slash = 0x2f
const maxNameBytes = 255

/** What a directory entry says; the name is between the two offsets. */
export type VisitEntry = (
  nid: number,
  type: number,
  nameStart: number,
  nameEnd: number,
  direntOffset: number,
) => void

/**
 * Call `visit` for the entries of a directory, in byte order, without `.` and `..`.
 *
 * Checked: blocks, counts and offsets; that names are valid, ascending and unique; `.` and `..` being there
 * and right. Whether `nid` leads anywhere is the business of who follows it.
 *
 * @param parentNid what `..` must be
 * @throws BootcError `STORE_COMPOSEFS_BAD_IMAGE`
 */
export function forEachEntry(
  image: Superblock,
  directory: ErofsInode,
  parentNid: number,
  visit: VisitEntry,
): void {
  const cursor = new Cursor(image, directory, parentNid, visit)
  const start = directory.u * BLOCK_SIZE
  for (let done = 0; done < directory.blockBytes; done += BLOCK_SIZE) {
    cursor.block(start + done, start + Math.min(done + BLOCK_SIZE, directory.blockBytes))
  }
  const tail = directory.xattrOffset + directory.xattrSize
  if (directory.tailBytes > 0) cursor.block(tail, tail + directory.tailBytes)
  cursor.finish()
}

class Cursor {
  readonly #image: Superblock
  readonly #directory: ErofsInode
  readonly #parentNid: number
  readonly #visit: VisitEntry
  #lastStart = 0
  #lastEnd = 0
  #dots = 0

  constructor(image: Superblock, directory: ErofsInode, parentNid: number, visit: VisitEntry) {
    this.#image = image
    this.#directory = directory
    this.#parentNid = parentNid
    this.#visit = visit
  }

  block(start: number, end: number): void {
    const { view } = this.#image
    const length = end - start
    const head = length < DIRENT_SIZE ? 0 : view.getUint16(start + DIRENT.nameOffset, true)
    if (head === 0 || head % DIRENT_SIZE !== 0 || head >= length) {
      throw this.#bad('has a block that starts with no entry', start)
    }
    const count = head / DIRENT_SIZE
    let nameStart = start + head
    for (let index = 0; index < count; index++) {
      const dirent = start + index * DIRENT_SIZE
      const last = index + 1 === count
      const nameEnd = last
        ? this.#nameEnd(nameStart, end)
        : start + view.getUint16(dirent + DIRENT_SIZE + DIRENT.nameOffset, true)
      if (nameEnd > end || nameEnd <= nameStart) throw this.#bad('has a name that is out of place', dirent)
      this.#entry(dirent, nameStart, nameEnd)
      nameStart = nameEnd
    }
  }

  finish(): void {
    if (this.#dots !== 2) throw this.#bad('lacks "." or ".."', this.#directory.offset)
  }

  #entry(dirent: number, nameStart: number, nameEnd: number): void {
    const { view, bytes } = this.#image
    if (nameEnd - nameStart > maxNameBytes) throw this.#bad('has a name of more than 255 bytes', nameStart)
    this.#checkName(nameStart, nameEnd)
    if (view.getUint32(dirent + DIRENT.nid + 4, true) !== 0) {
      throw this.#bad('has an entry with an inode number out of range', dirent)
    }
    const nid = view.getUint32(dirent + DIRENT.nid, true)
    const type = bytes[dirent + DIRENT.type]!
    const length = nameEnd - nameStart
    if (bytes[nameStart] === dot && (length === 1 || (length === 2 && bytes[nameStart + 1] === dot))) {
      this.#dots++
      const expected = length === 1 ? this.#directory.nid : this.#parentNid
      if (nid !== expected) throw this.#bad(`has a wrong "${length === 1 ? '.' : '..'}"`, dirent)
      return
    }
    this.#visit(nid, type, nameStart, nameEnd, dirent)
  }

  /** No NUL, no slash, and behind the name before. */
  #checkName(start: number, end: number): void {
    const { bytes } = this.#image
    for (let i = start; i < end; i++) {
      const byte = bytes[i]!
      if (byte === 0 || byte === slash) throw this.#bad('has a name with a NUL or slash', i)
    }
    const lastLength = this.#lastEnd - this.#lastStart
    const common = Math.min(lastLength, end - start)
    let i = 0
    while (i < common && bytes[this.#lastStart + i] === bytes[start + i]) i++
    const ascends = i < common ? bytes[this.#lastStart + i]! < bytes[start + i]! : end - start > lastLength
    if (!ascends) throw this.#bad('has names that are out of order or double', start)
    this.#lastStart = start
    this.#lastEnd = end
  }

  /** The last name of a block ends at the padding or with the block. */
  #nameEnd(start: number, end: number): number {
    const { bytes } = this.#image
    let at = start
    while (at < end && bytes[at] !== 0) at++
    return at
  }

  #bad(what: string, offset: number) {
    return badImage(`directory ${this.#directory.nid} ${what}`, { offset })
  }
}
