import { tooSmall } from '../errors.js'
import { blockBytes } from './directory-room.js'
import type { Ext4Layout } from './layout.js'

/** Free blocks, given out from the first to the last. */
export class BlockSpace {
  readonly #layout: Ext4Layout
  readonly #readBlock: (block: number) => Buffer
  readonly #taken: { readonly group: number; readonly bitmap: Buffer; count: number }[] = []
  #group = -1
  #bitmap: Buffer = Buffer.alloc(0)
  #at: number

  constructor(layout: Ext4Layout, readBlock: (block: number) => Buffer) {
    this.#layout = layout
    this.#readBlock = readBlock
    this.#at = layout.blocksPerGroup
  }

  /** The next free block. @throws BootcError `SYSROOT_DISK_TOO_SMALL` */
  next(): number {
    const { blocksPerGroup, groups, blocks } = this.#layout
    for (;;) {
      while (this.#at < blocksPerGroup && !this.#isFree(this.#at)) this.#at++
      if (this.#at < blocksPerGroup) return this.#group * blocksPerGroup + this.#at
      if (this.#group + 1 >= groups) {
        throw tooSmall('file system', (blocks + 1) * blockBytes, blocks * blockBytes)
      }
      this.#enter(this.#group + 1)
    }
  }

  /** How many blocks from the next one on are free without a gap; at most `wanted`. */
  run(wanted: number): number {
    this.next()
    const end = Math.min(this.#at + wanted, this.#layout.blocksPerGroup)
    let at = this.#at + 1
    while (at < end && this.#isFree(at)) at++
    return at - this.#at
  }

  /** Take what `run` counted, or less. */
  take(count: number): void {
    for (const end = this.#at + count; this.#at < end; this.#at++) {
      this.#bitmap[this.#at >> 3]! |= 1 << (this.#at & 7)
    }
    this.#taken.at(-1)!.count += count
  }

  /** Groups of which blocks were taken, with their maps. */
  *groups(): Iterable<{ readonly group: number; readonly bitmap: Buffer; readonly count: number }> {
    for (const each of this.#taken) if (each.count > 0) yield each
  }

  #enter(group: number): void {
    this.#group = group
    this.#at = 0
    this.#bitmap = this.#layout.hasBlockBitmap(group)
      ? this.#readBlock(this.#layout.blockBitmapAt(group))
      : this.#layout.initialBitmap(group)
    this.#taken.push({ group, bitmap: this.#bitmap, count: 0 })
  }

  #isFree(at: number): boolean {
    return (this.#bitmap[at >> 3]! & (1 << (at & 7))) === 0
  }
}
