import type { Dir } from '@bootc-sdk/core'
import type { ObjectId } from '../format/types.js'
import type { ObjectWriter } from './api.js'
import { ChunkQueue } from '@bootc-sdk/core/store-kit'
import type { Spool } from './splitstream-writer.js'

/** Most streams stay below: tar headers compress to a twentieth. */
const memoryBytes = 8 * 1024 * 1024

/** Keeps bytes in memory, or in a file of the staging directory when there are many. */
export class StagedSpool implements Spool {
  readonly #dir: Dir
  readonly #path: string
  readonly #store: (sizeBytes: number, chunks: AsyncIterable<Uint8Array>) => Promise<ObjectId>
  readonly #limitBytes: number
  #chunks: Uint8Array[] = []
  #file: { readonly queue: ChunkQueue; readonly written: Promise<void> } | undefined
  sizeBytes = 0

  /** @param path for the file, relative to the repository; its parent is made when needed */
  constructor(
    dir: Dir,
    path: string,
    store: (sizeBytes: number, chunks: AsyncIterable<Uint8Array>) => Promise<ObjectId>,
    limitBytes = memoryBytes,
  ) {
    this.#dir = dir
    this.#path = path
    this.#store = store
    this.#limitBytes = limitBytes
  }

  write(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    this.sizeBytes += chunk.length
    if (this.#file !== undefined) {
      this.#file.queue.push(chunk)
      return
    }
    this.#chunks.push(chunk)
    if (this.sizeBytes <= this.#limitBytes) return
    const queue = new ChunkQueue(() => undefined)
    for (const one of this.#chunks.splice(0)) queue.push(one)
    const written = this.#dir.write(this.#path, queue, { mode: 0o600, atomic: false })
    written.catch(() => queue.drop())
    this.#file = { queue, written }
  }

  async store(prefix: Uint8Array): Promise<ObjectId> {
    this.#file?.queue.end()
    await this.#file?.written
    const id = await this.#store(prefix.length + this.sizeBytes, this.#all(prefix))
    if (this.#file !== undefined) await this.#dir.remove(this.#path)
    this.#chunks = []
    return id
  }

  /** End what is half done; the staging directory goes next. */
  async close(error: unknown): Promise<void> {
    this.#file?.queue.fail(error)
    await this.#file?.written.catch(() => undefined)
  }

  async *#all(prefix: Uint8Array): AsyncGenerator<Uint8Array> {
    yield prefix
    if (this.#file === undefined) yield* this.#chunks
    else yield* this.#dir.read(this.#path)
  }
}

/** Give an object to a writer piece by piece. */
export async function writeObject(
  writer: ObjectWriter,
  sizeBytes: number,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<number> {
  const index = writer.begin(sizeBytes)
  for await (const chunk of chunks) {
    writer.data(index, chunk)
    if (writer.full) await writer.drain()
  }
  writer.end(index)
  return index
}
