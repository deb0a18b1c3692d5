import type { FileHandle } from 'node:fs/promises'
import { namelessFile } from '../transports/nameless-file.js'

/** Read at once: at most, and at least, so that small files near each other come with one call. */
const windowBytes = 512 * 1024
const leastReadBytes = 128 * 1024

/** Uncompressed layers one after another in a file without a name, which goes with its last user. */
export class Spool implements AsyncDisposable {
  readonly #file: FileHandle
  /** Those that nobody uses now: their memory would wait for the garbage collector, layer after layer. */
  readonly #readers: SpoolReader[] = []
  #sizeBytes = 0

  private constructor(file: FileHandle) {
    this.#file = file
  }

  static async create(dir: string): Promise<Spool> {
    return new Spool(await namelessFile(dir))
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  async append(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      const { bytesWritten } = await this.#file.write(chunk, at, chunk.length - at, this.#sizeBytes)
      at += bytesWritten
      this.#sizeBytes += bytesWritten
    }
  }

  /** Each reader has a window of its own, until it is disposed of. */
  reader(): SpoolReader {
    return this.#readers.pop() ?? new SpoolReader(this.#file, (reader) => this.#readers.push(reader))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close()
  }
}

/** Reads into memory of its own, which is written again and again. */
export class SpoolReader implements Disposable {
  /** Where a reader puts together what it hands on. */
  readonly chunk = Buffer.allocUnsafeSlow(windowBytes)
  readonly #file: FileHandle
  readonly #giveBack: (reader: SpoolReader) => void
  readonly #buffer = Buffer.allocUnsafeSlow(windowBytes)
  #start = 0
  #length = 0

  constructor(file: FileHandle, giveBack: (reader: SpoolReader) => void) {
    this.#file = file
    this.#giveBack = giveBack
  }

  [Symbol.dispose](): void {
    this.#giveBack(this)
  }

  /**
   * Copy bytes from `offset` on: as many as are at hand, at least one.
   *
   * @returns how many
   */
  async copy(offset: number, sizeBytes: number, target: Uint8Array, at: number): Promise<number> {
    if (offset < this.#start || offset >= this.#start + this.#length) await this.#fill(offset, sizeBytes)
    const from = offset - this.#start
    const bytes = Math.min(this.#length - from, sizeBytes, target.length - at)
    target.set(this.#buffer.subarray(from, from + bytes), at)
    return bytes
  }

  /** A small file as a whole. */
  async readAll(offset: number, sizeBytes: number): Promise<Buffer> {
    const result = Buffer.allocUnsafeSlow(sizeBytes)
    for (let at = 0; at < sizeBytes;) at += await this.copy(offset + at, sizeBytes - at, result, at)
    return result
  }

  async #fill(offset: number, wantedBytes: number): Promise<void> {
    const bytes = Math.min(Math.max(wantedBytes, leastReadBytes), windowBytes)
    const { bytesRead } = await this.#file.read(this.#buffer, 0, bytes, offset)
    if (bytesRead === 0) throw new Error(`spool ends before byte ${offset}`)
    this.#start = offset
    this.#length = bytesRead
  }
}
