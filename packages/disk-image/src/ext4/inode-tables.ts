import { tooSmall } from '../errors.js'
import { blockBytes } from './directory-room.js'
import { inodeBytes, type Ext4Layout } from './layout.js'

const rootInode = 2

/** The tables of inodes as far as they are used, and their maps. */
export class InodeTables {
  readonly #layout: Ext4Layout
  readonly #tables: Buffer[]
  readonly #directories: number[]
  readonly #total: number
  readonly #rootPlace: number
  #rootBlock: Buffer | undefined

  /** @param total how many inodes are going to be in use, those of mke2fs included: the first ones */
  constructor(layout: Ext4Layout, total: number, readBlocks: (block: number) => Buffer) {
    this.#layout = layout
    this.#total = total
    if (total > layout.inodes)
      throw tooSmall('table of inodes', total * inodeBytes, layout.inodes * inodeBytes)
    const groups = Math.ceil(total / layout.inodesPerGroup)
    this.#tables = Array.from({ length: groups }, (_, group) =>
      Buffer.alloc(Math.ceil((this.#usedIn(group) * inodeBytes) / blockBytes) * blockBytes),
    )
    this.#directories = Array.from({ length: groups }, () => 0)
    // In its first block is what mke2fs has made.
    readBlocks(layout.inodeTableAt(0)).copy(this.#tables[0]!)
    const root = this.#at(rootInode)
    this.#rootPlace = root.readUInt32LE(40 + 20) + root.readUInt16LE(40 + 18) * 2 ** 32
  }

  /** 256 bytes of zero, to be filled. */
  inode(number: number, isDirectory: boolean): Buffer {
    const at = this.#at(number)
    if (number === rootInode) at.fill(0)
    else if (isDirectory) this.#directories[this.#groupOf(number)]!++
    return at
  }

  /** The first block of the root directory. @returns where it is */
  rootBlock(block: Buffer): number {
    this.#rootBlock = block
    return this.#rootPlace
  }

  /** All that is to be written; descriptors are told. `at` in blocks. */
  *finish(): Iterable<{ readonly at: number; readonly bytes: Buffer }> {
    const layout = this.#layout
    for (const [group, table] of this.#tables.entries()) {
      yield { at: layout.inodeTableAt(group), bytes: table }
      const used = this.#usedIn(group)
      // Behind the last inode all are in use.
      const bitmap = Buffer.alloc(blockBytes, 0xff)
      bitmap.fill(0, 0, layout.inodesPerGroup / 8)
      bitmap.fill(0xff, 0, used >> 3)
      if (used % 8 > 0) bitmap[used >> 3]! |= (1 << (used % 8)) - 1
      layout.noteInodes(group, bitmap, used, this.#directories[group]!)
      yield { at: layout.inodeBitmapAt(group), bytes: bitmap }
    }
    if (this.#rootBlock !== undefined) yield { at: this.#rootPlace, bytes: this.#rootBlock }
  }

  #usedIn(group: number): number {
    const { inodesPerGroup } = this.#layout
    return Math.min(this.#total - group * inodesPerGroup, inodesPerGroup)
  }

  #groupOf(number: number): number {
    return Math.floor((number - 1) / this.#layout.inodesPerGroup)
  }

  #at(number: number): Buffer {
    const index = (number - 1) % this.#layout.inodesPerGroup
    return this.#tables[this.#groupOf(number)]!.subarray(index * inodeBytes, (index + 1) * inodeBytes)
  }
}
