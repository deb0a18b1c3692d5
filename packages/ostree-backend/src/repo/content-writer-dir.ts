import { createHash, type Hash } from 'node:crypto'
import { promisify } from 'node:util'
import { createDeflateRaw, deflateRaw } from 'node:zlib'
import { BootcError, type Bytes, type Dir } from '@bootc-sdk/core'
import { ChunkQueue, WriteTasks } from '@bootc-sdk/core/store-kit'
import { objectName } from '../format/checksum.js'
import { invalid } from '../format/errors.js'
import type { ContentWriter, FileHeader, RepoMode } from './api.js'
import { diskObject, type DiskObject } from './disk-object.js'
import { mapWriteError } from './errors.js'
import { ensureDir } from './io.js'
import type { SpaceBudget } from './space-budget.js'

const deflate = promisify(deflateRaw)
interface OpenObject {
  readonly disk: DiskObject
  readonly hash: Hash
  readonly queue: ChunkQueue
  readonly stored: Promise<void>
  readonly temporary: string
  readonly sizeBytes: number
  seenBytes: number
}

/** Content objects through a `Dir`, without the addon; same names and same files. */
export class DirContentWriter implements ContentWriter {
  readonly #dir: Dir
  readonly #staging: string
  readonly #mode: RepoMode
  readonly #budget: SpaceBudget
  readonly #deflateLevel: number
  readonly #onFinish: (names: readonly string[], bytes: number) => void
  readonly #checksums: (string | undefined)[] = []
  readonly #open = new Map<number, OpenObject>()
  readonly #tasks = new WriteTasks()
  readonly #seen = new Set<string>()
  readonly #fresh: string[] = []
  readonly #parents = new Map<string, Promise<void>>()
  #freshBytes = 0
  #chargedBytes = 0

  constructor(
    dir: Dir,
    staging: string,
    mode: RepoMode,
    budget: SpaceBudget,
    deflateLevel: number,
    onFinish: (names: readonly string[], bytes: number) => void,
  ) {
    this.#dir = dir
    this.#staging = staging
    this.#mode = mode
    this.#budget = budget
    this.#deflateLevel = deflateLevel
    this.#onFinish = onFinish
  }

  put(header: FileHeader, data: Uint8Array): number {
    const disk = this.#prepare(header, data.length)
    const id = this.#checksums.length
    const checksum = createHash('sha256').update(disk.hashPrefix).update(data).digest('hex')
    this.#checksums.push(checksum)
    const name = objectName('file', checksum, this.#mode)
    if (this.#seen.has(name)) return id
    this.#seen.add(name)
    // The caller's memory may be reused as soon as this returns.
    const copy = Buffer.from(data)
    this.#tasks.run(copy.length, () => this.#storeWhole(disk, name, copy))
    return id
  }

  begin(header: FileHeader, sizeBytes: number): number {
    const disk = this.#prepare(header, sizeBytes)
    const id = this.#checksums.length
    this.#checksums.push(undefined)
    const queue = new ChunkQueue((bytes) => this.#tasks.taken(bytes))
    const temporary = `${this.#staging}/part-${id}`
    const stored = this.#ensureDir('').then(() =>
      this.#dir.write(temporary, this.#fileBytes(disk, queue), { ...disk.meta, atomic: false }),
    )
    stored.catch((error: unknown) => {
      this.#tasks.fail(error)
      queue.drop()
    })
    const hash = createHash('sha256').update(disk.hashPrefix)
    this.#open.set(id, { disk, hash, queue, stored, temporary, sizeBytes, seenBytes: 0 })
    return id
  }

  data(id: number, chunk: Uint8Array): void {
    const object = this.#opened(id)
    object.seenBytes += chunk.length
    object.hash.update(chunk)
    this.#tasks.queued(chunk.length)
    object.queue.push(Buffer.from(chunk))
  }

  end(id: number): void {
    const object = this.#opened(id)
    this.#open.delete(id)
    object.queue.end()
    if (object.seenBytes !== object.sizeBytes) {
      const reason = `${object.seenBytes} bytes of content, ${object.sizeBytes} announced`
      this.#tasks.fail(invalid('file object', reason))
    }
    const checksum = object.hash.digest('hex')
    this.#checksums[id] = checksum
    this.#tasks.run(0, () => this.#nameStreamed(object, objectName('file', checksum, this.#mode)))
  }

  get full(): boolean {
    return this.#tasks.full || this.#budget.due
  }

  async drain(): Promise<void> {
    await this.#tasks.drain()
    if (this.#budget.due) {
      await this.#tasks.idle()
      await this.#budget.check()
    }
    this.#throwFailure()
  }

  async finish(): Promise<readonly string[]> {
    if (this.#open.size > 0) this.#tasks.fail(invalid('file object', 'begun and never ended'))
    if (this.#tasks.failure !== undefined) this.#dropOpen()
    await this.#tasks.idle()
    this.#throwFailure()
    await this.#budget.check()
    this.#onFinish(this.#fresh, this.#freshBytes)
    return this.#checksums as string[]
  }

  close(): void {
    this.#tasks.fail(new BootcError('STORE_OSTREE_TRANSACTION_DONE', 'writer was closed'))
    this.#dropOpen()
  }

  /** Resolves when nothing of this writer touches the staging directory any more. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#open.values()].map((object) => object.stored))
    await this.#tasks.idle()
  }

  #prepare(header: FileHeader, sizeBytes: number): DiskObject {
    const disk = diskObject(this.#mode, header, sizeBytes)
    this.#budget.charge(sizeBytes)
    this.#chargedBytes += sizeBytes
    return disk
  }

  #opened(id: number): OpenObject {
    const object = this.#open.get(id)
    if (object === undefined) throw invalid('file object', `no object ${id} is open`)
    return object
  }

  #dropOpen(): void {
    for (const { queue } of this.#open.values()) queue.fail(this.#tasks.failure?.error)
  }

  #throwFailure(): void {
    if (this.#tasks.failure !== undefined) throw mapWriteError(this.#tasks.failure.error, this.#chargedBytes)
  }

  async #storeWhole(disk: DiskObject, name: string, data: Buffer): Promise<void> {
    if (this.#tasks.failure !== undefined || (await this.#dir.stat(`objects/${name}`)) !== undefined) return
    await this.#ensureDir(name.slice(0, 2))
    const path = `${this.#staging}/${name}`
    if (disk.symlinkTarget !== undefined) {
      await this.#dir.symlink(disk.symlinkTarget, path, disk.meta)
    } else {
      const body = disk.deflate ? await deflate(data, { level: this.#deflateLevel }) : data
      const whole = disk.filePrefix === undefined ? body : Buffer.concat([disk.filePrefix, body])
      await this.#dir.write(path, whole, { ...disk.meta, atomic: false })
    }
    this.#fresh.push(name)
    this.#freshBytes += data.length
  }

  async #nameStreamed(object: OpenObject, name: string): Promise<void> {
    await object.stored
    const known = this.#seen.has(name) || (await this.#dir.stat(`objects/${name}`)) !== undefined
    this.#seen.add(name)
    if (known) {
      await this.#dir.remove(object.temporary)
      return
    }
    await this.#ensureDir(name.slice(0, 2))
    await this.#dir.rename(object.temporary, `${this.#staging}/${name}`)
    this.#fresh.push(name)
    this.#freshBytes += object.sizeBytes
  }

  #ensureDir(parent: string): Promise<void> {
    let made = this.#parents.get(parent)
    if (made === undefined) {
      made =
        parent === ''
          ? ensureDir(this.#dir, this.#staging)
          : this.#ensureDir('').then(() => ensureDir(this.#dir, `${this.#staging}/${parent}`))
      this.#parents.set(parent, made)
    }
    return made
  }

  async *#fileBytes(disk: DiskObject, content: Bytes): Bytes {
    if (disk.filePrefix !== undefined) yield disk.filePrefix
    if (!disk.deflate) {
      yield* content
      return
    }
    const stream = createDeflateRaw({ level: this.#deflateLevel })
    const feed = (async () => {
      try {
        for await (const chunk of content) {
          if (!stream.write(chunk)) await new Promise((resolve) => stream.once('drain', resolve))
        }
        stream.end()
      } catch (error) {
        stream.destroy(error as Error)
      }
    })()
    try {
      yield* stream as AsyncIterable<Buffer>
      await feed
    } finally {
      stream.destroy()
    }
  }
}
