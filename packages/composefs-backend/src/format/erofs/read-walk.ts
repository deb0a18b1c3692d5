import { badImage } from '../errors.js'
import { S_IFDIR, S_IFMT, type ByteString } from '../../tree/inode.js'
import { SLOT_SIZE } from './constants.js'
import { forEachEntry } from './read-directory.js'
import { readInode, typeOfMode, type ErofsInode } from './read-inode.js'
import type { Superblock } from './read-superblock.js'
import { Work } from './read-work.js'

/** As composefs-rs: paths of Linux have at most 4096 bytes, hence at most half as many directories. */
const maxDepth = 2048

/** Called for each name, a directory before what is in it, names in byte order within each directory. */
export interface Visitor<D> {
  /**
   * A directory.
   * @param parent what was returned for the directory above; undefined for the root
   * @returns what is handed on to the entries
   */
  directory(inode: ErofsInode, parent: D | undefined, nameStart: number, nameEnd: number): D
  /**
   * Anything else.
   * @param again the inode was seen under another name
   */
  leaf(inode: ErofsInode, parent: D, nameStart: number, nameEnd: number, again: boolean): void
}

/** Set of inode numbers, one bit each. */
export class NidSet {
  readonly #bits: Uint8Array

  constructor(imageBytes: number) {
    this.#bits = new Uint8Array(Math.ceil(imageBytes / SLOT_SIZE / 8))
  }

  /** Add a number that is in range; true when it was there before. */
  add(nid: number): boolean {
    const mask = 1 << (nid & 7)
    const had = (this.#bits[nid >> 3]! & mask) !== 0
    this.#bits[nid >> 3]! |= mask
    return had
  }
}

/** The inode that a directory entry leads to. @throws BootcError `STORE_COMPOSEFS_BAD_IMAGE` */
export function readChild(image: Superblock, nid: number, type: number, dirent: number): ErofsInode {
  const inode = readInode(image, nid, dirent)
  if (typeOfMode.get(inode.mode & S_IFMT) !== type) {
    throw badImage(`an entry says file type ${type}, inode ${nid} another one`, { offset: dirent })
  }
  if ((inode.mode & S_IFMT) === S_IFDIR && nid === image.rootNid) {
    throw badImage('the root is an entry of a directory', { offset: dirent })
  }
  return inode
}

/** The root. @throws BootcError `STORE_COMPOSEFS_BAD_IMAGE` */
export function readRoot(image: Superblock): ErofsInode {
  const root = readInode(image, image.rootNid)
  if ((root.mode & S_IFMT) !== S_IFDIR) throw badImage('the root is no directory', { offset: root.offset })
  return root
}

interface Pending<D> {
  readonly inode: ErofsInode
  readonly parentNid: number
  readonly depth: number
  readonly value: D
}

/**
 * Visit the whole tree once, breadth within a directory before depth. Bounded: every directory once, and
 * together not more bytes than the image has.
 *
 * @throws BootcError `STORE_COMPOSEFS_BAD_IMAGE`
 */
export function visitTree<D>(
  image: Superblock,
  visitor: Visitor<D>,
  work = new Work(image.bytes.length),
): void {
  const seen = new NidSet(image.bytes.length)
  const root = readRoot(image)
  const pending: Pending<D>[] = []
  const enter = (inode: ErofsInode, parent: Pending<D> | undefined, start: number, end: number): void => {
    const depth = parent === undefined ? 0 : parent.depth + 1
    checkDirectory(inode, seen.add(inode.nid), depth)
    charge(work, inode)
    const value = visitor.directory(inode, parent?.value, start, end)
    pending.push({ inode, parentNid: parent?.inode.nid ?? inode.nid, depth, value })
  }
  enter(root, undefined, 0, 0)
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    const current = directory
    forEachEntry(image, current.inode, current.parentNid, (nid, type, start, end, dirent) => {
      const inode = readChild(image, nid, type, dirent)
      if ((inode.mode & S_IFMT) === S_IFDIR) {
        enter(inode, current, start, end)
        return
      }
      const again = seen.add(nid)
      if (!again) charge(work, inode)
      visitor.leaf(inode, current.value, start, end, again)
    })
  }
}

/** One name of the tree. */
export interface ErofsEntry {
  /** Absolute; `/` for the root. */
  readonly path: ByteString
  readonly name: ByteString
  readonly depth: number
  readonly inode: ErofsInode
  /** The inode was seen under another name: this is a hard link. */
  readonly again: boolean
}

/**
 * All names, depth first, in byte order within each directory. At most one directory per level is held.
 *
 * @throws BootcError `STORE_COMPOSEFS_BAD_IMAGE`
 */
export function* walkTree(image: Superblock): Generator<ErofsEntry, void, undefined> {
  const seen = new NidSet(image.bytes.length)
  const work = new Work(image.bytes.length)
  const root = readRoot(image)
  const levels: Level[] = []
  const enter = (path: ByteString, inode: ErofsInode, parentNid: number): void => {
    checkDirectory(inode, seen.add(inode.nid), levels.length)
    charge(work, inode)
    const entries: [name: ByteString, inode: ErofsInode][] = []
    forEachEntry(image, inode, parentNid, (nid, type, start, end, dirent) => {
      entries.push([image.bytes.toString('latin1', start, end), readChild(image, nid, type, dirent)])
    })
    levels.push({ path, nid: inode.nid, entries: entries.reverse() })
  }
  yield { path: '/', name: '', depth: 0, inode: root, again: false }
  enter('', root, root.nid)
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const entry = level.entries.pop()
    if (entry === undefined) {
      levels.pop()
      continue
    }
    const [name, inode] = entry
    const path = `${level.path}/${name}`
    const directory = (inode.mode & S_IFMT) === S_IFDIR
    const again = !directory && seen.add(inode.nid)
    if (!directory && !again) charge(work, inode)
    yield { path, name, depth: levels.length, inode, again }
    if (directory) enter(path, inode, level.nid)
  }
}

/** A directory of which entries are left, the last of them first. */
interface Level {
  readonly path: ByteString
  readonly nid: number
  readonly entries: [name: ByteString, inode: ErofsInode][]
}

function checkDirectory(inode: ErofsInode, seen: boolean, depth: number): void {
  const { nid, offset } = inode
  if (seen) throw badImage(`directory ${nid} has several names`, { offset })
  if (depth > maxDepth) throw badImage(`directories are nested deeper than ${maxDepth}`, { offset })
}

function charge(work: Work, inode: ErofsInode): void {
  const own = inode.xattrOffset + inode.xattrSize - inode.offset
  work.spend(own + inode.blockBytes + inode.tailBytes, inode.offset)
}
