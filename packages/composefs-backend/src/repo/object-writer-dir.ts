import { ChunkQueue, WriteTasks } from '@bootc-sdk/core/store-kit'
import { invalidTree } from '../format/errors.js'
import { objectPath, type ObjectId } from '../format/types.js'
import { VerityHasher } from '../format/verity.js'
import type { ObjectWriter } from './api.js'
import type { RepoContext } from './context.js'
import { digestOf } from './digest.js'
import { corruptObject, mapWriteError, verityError } from './errors.js'
import { ensureDir } from './io.js'
import { transactionDone } from './object-store.js'
import type { StagedPart } from './publish.js'
import { enableVerity, measureVerity } from './verity-fs.js'

interface OpenObject {
  readonly hasher: VerityHasher
  readonly queue: ChunkQueue
  readonly stored: Promise<void>
  readonly temporary: string
  readonly sizeBytes: number
  seenBytes: number
}

/** Objects through a `Dir`, without the addon; same names and same files. */
export class DirObjectWriter implements ObjectWriter {
  readonly #context: RepoContext
  readonly #path: string
  readonly #onFinish: (part: StagedPart) => void
  readonly #ids: (ObjectId | undefined)[] = []
  readonly #open = new Map<number, OpenObject>()
  readonly #tasks = new WriteTasks()
  readonly #seen = new Set<ObjectId>()
  readonly #fresh = new Map<string, number>()
  readonly #parents = new Map<string, Promise<void>>()
  #taken = 0
  #temporaries = 0
  #totalBytes = 0

  /** @param path directory for this writer alone, relative to the repository */
  constructor(context: RepoContext, path: string, onFinish: (part: StagedPart) => void) {
    this.#context = context
    this.#path = path
    this.#onFinish = onFinish
  }

  put(data: Uint8Array): number {
    const index = this.#ids.length
    const id = digestOf(data, this.#context.meta.algorithm)
    this.#ids.push(id)
    this.#totalBytes += data.length
    if (this.#seen.has(id)) return index
    this.#seen.add(id)
    // The caller's memory may be reused as soon as this returns.
    const copy = Buffer.from(data)
    this.#tasks.run(copy.length, () => this.#storeWhole(id, copy))
    return index
  }

  begin(sizeBytes: number): number {
    const index = this.#ids.length
    this.#ids.push(undefined)
    const queue = new ChunkQueue((bytes) => this.#tasks.taken(bytes))
    const temporary = this.#temporary()
    const { dir } = this.#context
    const stored = this.#ensureDir('').then(() => dir.write(temporary, queue, { mode: 0o644, atomic: false }))
    stored.catch((error: unknown) => {
      this.#tasks.fail(error)
      queue.drop()
    })
    const hasher = new VerityHasher(this.#context.meta.algorithm)
    this.#open.set(index, { hasher, queue, stored, temporary, sizeBytes, seenBytes: 0 })
    return index
  }

  data(index: number, chunk: Uint8Array): void {
    const object = this.#opened(index)
    object.seenBytes += chunk.length
    object.hasher.update(chunk)
    this.#tasks.queued(chunk.length)
    this.#totalBytes += chunk.length
    object.queue.push(Buffer.from(chunk))
  }

  end(index: number): void {
    const object = this.#opened(index)
    this.#open.delete(index)
    object.queue.end()
    if (object.seenBytes !== object.sizeBytes) {
      const reason = `${object.seenBytes} bytes of content, ${object.sizeBytes} announced`
      this.#tasks.fail(invalidTree('object', reason))
    }
    const id = object.hasher.digest()
    this.#ids[index] = id
    this.#tasks.run(0, async () => {
      await object.stored
      await this.#name(object.temporary, id, object.sizeBytes)
    })
  }

  /** Take a file in that `make` puts at the path it gets; `id` is known by then or told by `make`. */
  adopt(make: (temporary: string) => Promise<{ id: ObjectId; sizeBytes: number }>): Promise<{
    id: ObjectId
    sizeBytes: number
  }> {
    return new Promise((resolve, reject) => {
      this.#tasks.run(0, async () => {
        const temporary = this.#temporary()
        try {
          await this.#ensureDir('')
          const made = await make(temporary)
          this.#totalBytes += made.sizeBytes
          await this.#name(temporary, made.id, made.sizeBytes)
          resolve(made)
        } catch (error) {
          // Only this file is concerned: its caller knows.
          await this.#context.dir.remove(temporary).catch(() => undefined)
          reject(mapWriteError(error, this.#totalBytes) as Error)
        }
      })
    })
  }

  get full(): boolean {
    return this.#tasks.full
  }

  async drain(): Promise<void> {
    await this.#tasks.drain()
    this.#throwFailure()
  }

  take(): readonly ObjectId[] {
    const start = this.#taken
    while (this.#ids[this.#taken] !== undefined) this.#taken++
    return this.#ids.slice(start, this.#taken) as ObjectId[]
  }

  async finish(): Promise<readonly ObjectId[]> {
    if (this.#open.size > 0) this.#tasks.fail(invalidTree('object', 'begun and never ended'))
    if (this.#tasks.failure !== undefined) this.#failOpen()
    await this.#tasks.idle()
    this.#throwFailure()
    this.#onFinish({ path: this.#path, names: this.#fresh })
    return this.take()
  }

  close(): void {
    this.#tasks.fail(transactionDone())
    this.#failOpen()
  }

  /** Resolves when nothing of this writer touches the staging directory any more. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#open.values()].map((object) => object.stored))
    await this.#tasks.idle()
  }

  #opened(index: number): OpenObject {
    const object = this.#open.get(index)
    if (object === undefined) throw invalidTree('object', `none with the number ${index} is open`)
    return object
  }

  #failOpen(): void {
    for (const { queue } of this.#open.values()) queue.fail(this.#tasks.failure?.error)
  }

  #throwFailure(): void {
    if (this.#tasks.failure !== undefined) throw mapWriteError(this.#tasks.failure.error, this.#totalBytes)
  }

  #temporary(): string {
    return `${this.#path}/part-${this.#temporaries++}`
  }

  async #storeWhole(id: ObjectId, data: Buffer): Promise<void> {
    if (this.#tasks.failure !== undefined || (await this.#isStored(id, data.length))) return
    await this.#ensureDir(id.slice(0, 2))
    const name = objectPath(id)
    await this.#context.dir.write(`${this.#path}/${name}`, data, { mode: 0o644, atomic: false })
    await this.#complete(`${this.#path}/${name}`, id)
    this.#fresh.set(name, data.length)
  }

  async #name(temporary: string, id: ObjectId, sizeBytes: number): Promise<void> {
    const { dir } = this.#context
    const known = this.#seen.has(id) || (await this.#isStored(id, sizeBytes))
    if (known) {
      await dir.remove(temporary)
      return
    }
    await this.#complete(temporary, id)
    await this.#ensureDir(id.slice(0, 2))
    const name = objectPath(id)
    await dir.rename(temporary, `${this.#path}/${name}`)
    this.#fresh.set(name, sizeBytes)
    // Not before: one that failed must not stand for the next.
    this.#seen.add(id)
  }

  /** One of another size is what a power cut left of it. */
  async #isStored(id: ObjectId, sizeBytes: number): Promise<boolean> {
    const stat = await this.#context.dir.stat(`objects/${objectPath(id)}`)
    return stat?.type === 'file' && stat.sizeBytes === sizeBytes
  }

  /** Enable fs-verity where it is in force; the kernel must come to the same digest. */
  async #complete(path: string, id: ObjectId): Promise<void> {
    const { dir, meta, enforceVerity } = this.#context
    if (!enforceVerity) return
    let outcome: string
    try {
      outcome = await enableVerity(dir, path, meta.algorithm)
    } catch (error) {
      throw verityError(`object ${id}`, 'fs-verity cannot be enabled', error)
    }
    if (outcome === 'unsupported') throw verityError(`object ${id}`, 'the file system has no fs-verity')
    const measured = await measureVerity(dir, path)
    if (measured?.digest !== id)
      throw corruptObject(id, `fs-verity measures ${measured?.digest ?? 'nothing'}`)
  }

  #ensureDir(parent: string): Promise<void> {
    let made = this.#parents.get(parent)
    if (made === undefined) {
      const { dir } = this.#context
      made =
        parent === ''
          ? ensureDir(dir, this.#path)
          : this.#ensureDir('').then(() => ensureDir(dir, `${this.#path}/${parent}`))
      this.#parents.set(parent, made)
    }
    return made
  }
}
