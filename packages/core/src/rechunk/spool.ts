import type { FileHandle } from 'node:fs/promises'
import { namelessFile } from '../transports/nameless-file.js'

/** Read at once; small files near each other come with one call. */
const windowBytes = 2 * 1024 * 1024

/** Uncompressed layers one after another in a file without a name, which goes with its last user. */
export class Spool implements AsyncDisposable {
  readonly #file: FileHandle
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

  /** Each reader has a window of its own. */
  reader(): SpoolReader {
    return new SpoolReader(this.#file)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close()
  }
}

export class SpoolReader {
  readonly #file: FileHandle
  #window = Buffer.alloc(0)
  #start = 0

  constructor(file: FileHandle) {
    this.#file = file
  }

  /** Views of buffers that are never written again. */
  async *read(offset: number, sizeBytes: number): AsyncGenerator<Uint8Array> {
    const end = offset + sizeBytes
    for (let at = offset; at < end;) {
      if (at < this.#start || at >= this.#start + this.#window.length) await this.#fill(at)
      const from = at - this.#start
      const piece = this.#window.subarray(from, Math.min(this.#window.length, from + end - at))
      at += piece.length
      yield piece
    }
  }

  /** A small file as a whole. */
  async readAll(offset: number, sizeBytes: number): Promise<Buffer> {
    const pieces: Uint8Array[] = []
    for await (const piece of this.read(offset, sizeBytes)) pieces.push(piece)
    return Buffer.concat(pieces)
  }

  async #fill(at: number): Promise<void> {
    const buffer = Buffer.allocUnsafeSlow(windowBytes)
    const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, at)
    if (bytesRead === 0) throw new Error(`spool ends before byte ${at}`)
    this.#window = buffer.subarray(0, bytesRead)
    this.#start = at
  }
}
