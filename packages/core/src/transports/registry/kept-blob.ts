import { unlink } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'

const BLOCK_BYTES = 256 * 1024

/** The beginning of a blob in a file, read by one who then goes on writing it. */
export class KeptBlob implements AsyncDisposable {
  /** What an earlier try left. */
  readonly keptBytes: number
  readonly #file: FileHandle
  readonly #path: string
  /** One block is filled while the other is written. */
  #block: Buffer | undefined
  #spare: Buffer | undefined
  #filled = 0
  #position: number
  #writing: Promise<void> | undefined
  #failed = false

  constructor(file: FileHandle, path: string, keptBytes: number) {
    this.#file = file
    this.#path = path
    this.keptBytes = keptBytes
    this.#position = keptBytes
  }

  /** What was kept; ends early where that cannot be read. @returns bytes that were given */
  async *read(): AsyncGenerator<Uint8Array, number> {
    let position = 0
    while (position < this.keptBytes) {
      const buffer = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, this.keptBytes - position))
      const { bytesRead } = await this.#file
        .read(buffer, 0, buffer.length, position)
        .catch(() => ({ bytesRead: 0 }))
      if (bytesRead === 0) break
      position += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
    this.#position = position
    return position
  }

  /** Bytes that come next. They are copied; a promise is returned when the disk is behind. */
  append(chunk: Uint8Array): Promise<void> | undefined {
    let rest = chunk
    while (rest.length > 0 && !this.#failed) {
      this.#block ??= this.#spare ?? Buffer.allocUnsafe(BLOCK_BYTES)
      if (this.#spare === this.#block) this.#spare = undefined
      const part = rest.subarray(0, BLOCK_BYTES - this.#filled)
      this.#block.set(part, this.#filled)
      this.#filled += part.length
      rest = rest.subarray(part.length)
      if (this.#filled < BLOCK_BYTES) return undefined
      if (this.#writing) return this.#afterWriting(rest)
      this.#startWriting()
    }
    return undefined
  }

  /** Remove the file: its bytes are wrong. */
  async drop(): Promise<void> {
    this.#failed = true
    await unlink(this.#path).catch(() => undefined)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing
    if (this.#filled > 0) this.#startWriting()
    await this.#writing
    await this.#file.close()
  }

  async #afterWriting(rest: Uint8Array): Promise<void> {
    await this.#writing
    this.#startWriting()
    await this.append(rest)
  }

  #startWriting(): void {
    const block = this.#block!
    const length = this.#filled
    const position = this.#position
    this.#position += length
    this.#block = undefined
    this.#filled = 0
    if (this.#failed) return
    this.#writing = this.#write(block.subarray(0, length), position).then(() => {
      this.#spare = block
      this.#writing = undefined
    })
  }

  /** A full disk needs the room more than we do. */
  async #write(bytes: Uint8Array, position: number): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) {
        const { bytesWritten } = await this.#file.write(bytes, at, bytes.length - at, position + at)
        at += bytesWritten
      }
    } catch {
      await this.drop()
    }
  }
}
