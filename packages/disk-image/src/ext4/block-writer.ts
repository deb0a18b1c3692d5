import { readSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { writeAt } from '../write-at.js'
import type { BlockSpace } from './block-space.js'
import { blockBytes } from './directory-room.js'
import type { Region } from '../tools/formatters.js'
import type { Extents } from './extents.js'

const batchBlocks = 1024
/** Between two beginnings of writing to the medium. */
const syncEveryBatches = 64
const zero = Buffer.alloc(blockBytes)

export type BlockRegion = Pick<Region, 'offsetBytes' | 'kept'>

/** Takes the next free blocks for what it is given, and writes many of them at once while more is read. */
export class BlockWriter {
  readonly #file: FileHandle
  readonly #offsetBytes: number
  readonly #kept: boolean
  readonly #space: BlockSpace
  #batch = Buffer.allocUnsafe(batchBlocks * blockBytes)
  #other = Buffer.allocUnsafe(batchBlocks * blockBytes)
  #start = 0
  #used = 0
  #writing: Promise<unknown> = Promise.resolve()
  #syncing: Promise<unknown> = Promise.resolve()
  #batches = 0

  constructor(file: FileHandle, { offsetBytes, kept = false }: BlockRegion, space: BlockSpace) {
    this.#file = file
    this.#offsetBytes = offsetBytes
    this.#kept = kept
    this.#space = space
  }

  /** @param bytes or what makes them when the place is known. @returns where it is */
  async block(bytes: Buffer | ((place: number) => Buffer)): Promise<number> {
    if (this.#room() === 0) await this.flush()
    this.#room()
    const place = this.#start + this.#used
    const made = typeof bytes === 'function' ? bytes(place) : bytes
    made.copy(this.#batch, this.#used * blockBytes)
    this.#taken(1)
    return place
  }

  /**
   * Copy a file; blocks of nothing but zero become holes, as long as these are not too many.
   *
   * @returns bytes of it, which may be others than `sizeBytes` when it has changed
   */
  async content(fd: number, sizeBytes: number, extents: Extents): Promise<number> {
    let logical = 0
    for (let done = 0; done < sizeBytes; done = Math.min(logical * blockBytes, sizeBytes)) {
      let room = this.#room()
      if (room === 0) {
        await this.flush()
        room = this.#room()
      }
      const wanted = this.#space.run(Math.min(room, Math.ceil((sizeBytes - done) / blockBytes)))
      const from = this.#used * blockBytes
      const bytes = fill(fd, this.#batch, from, Math.min(wanted * blockBytes, sizeBytes - done), done)
      if (bytes === 0) return done
      const blocks = Math.ceil(bytes / blockBytes)
      this.#batch.fill(0, from + bytes, from + blocks * blockBytes)
      this.#taken(this.#keep(blocks, logical, extents))
      logical += blocks
      if (bytes < Math.min(wanted * blockBytes, sizeBytes - done)) return done + bytes
    }
    return sizeBytes
  }

  /** Resolves when the batch may be filled again; `end` waits for all. */
  async flush(): Promise<void> {
    await this.#writing
    if (this.#used > 0) {
      const at = this.#offsetBytes + this.#start * blockBytes
      this.#writing = writeAt(this.#file, this.#batch.subarray(0, this.#used * blockBytes), at)
      // Whoever waits for it next sees how it ended.
      this.#writing.catch(() => undefined)
      if (++this.#batches % syncEveryBatches === 0 && this.#kept) this.#sync()
      ;[this.#batch, this.#other] = [this.#other, this.#batch]
    }
    this.#used = 0
  }

  async end(): Promise<void> {
    await this.flush()
    await this.#writing
    await this.#syncing
  }

  /** Somebody will want it to be durable: the medium need not wait until then. */
  #sync(): void {
    this.#syncing = this.#syncing.then(() => this.#file.datasync())
    this.#syncing.catch(() => undefined)
  }

  /** Blocks that the batch takes before it has to be written. */
  #room(): number {
    const next = this.#space.next()
    if (this.#used === 0) this.#start = next
    else if (next !== this.#start + this.#used) return 0
    return batchBlocks - this.#used
  }

  #taken(count: number): void {
    this.#space.take(count)
    this.#used += count
  }

  /** Close up what was read behind the batch: holes take no blocks. @returns how many are left */
  #keep(blocks: number, logical: number, extents: Extents): number {
    let kept = 0
    for (let i = 0; i < blocks; i++) {
      if (!extents.many && this.#isZero(this.#used + i)) continue
      const [to, from] = [(this.#used + kept) * blockBytes, (this.#used + i) * blockBytes]
      if (to !== from) this.#batch.copyWithin(to, from, from + blockBytes)
      extents.add(logical + i, this.#start + this.#used + kept, 1)
      kept++
    }
    return kept
  }

  #isZero(block: number): boolean {
    const at = block * blockBytes
    return this.#batch[at] === 0 && this.#batch.compare(zero, 0, blockBytes, at, at + blockBytes) === 0
  }
}

/** @returns less than `length` at the end of the file */
function fill(fd: number, buffer: Buffer, at: number, length: number, position: number): number {
  let done = 0
  while (done < length) {
    const bytes = readSync(fd, buffer, at + done, length - done, position + done)
    if (bytes === 0) break
    done += bytes
  }
  return done
}
