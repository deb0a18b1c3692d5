import { BootcError, type OpOptions } from '@bootc-sdk/core'
import { maxImageBytes } from '../format/erofs/max-image.js'
import { planErofs } from '../format/erofs/write.js'
import { invalidTree } from '../format/errors.js'
import type { ErofsVersion, ObjectId } from '../format/types.js'
import type { FileTree } from '../tree/inode.js'
import type { ObjectWriter, RepoTransaction, SplitstreamWriter } from './api.js'
import type { RepoContext } from './context.js'
import { digestOf } from './digest.js'
import { mapWriteError, noObject } from './errors.js'
import { LinkWriter } from './link-writer.js'
import { assertEntryName, assertObjectId, assertRefName, type LinkKind } from './links.js'
import { transactionDone, type ObjectStore } from './object-store.js'
import { DirObjectWriter } from './object-writer-dir.js'
import { NativeObjectWriterAdapter } from './object-writer-native.js'
import { publishParts, type StagedPart } from './publish.js'
import { copyIn, type FileSource } from './put-file.js'
import { RepoSplitstreamWriter } from './splitstream-writer.js'
import { StagedSpool, writeObject } from './spool.js'
import type { Staging } from './staging.js'
import { openZstdEncoder } from './zstd-encoder.js'

type Writer = ObjectWriter & { settled(): Promise<void> }

/**
 * Objects are written below a staging directory, synced, renamed into `objects/`, synced again; then links of
 * images, of streams and references are renamed into place, each group synced before the next. So nothing that
 * can be found by a name lacks anything, and an object under `objects/` is complete.
 */
export class Transaction implements RepoTransaction {
  readonly #context: RepoContext
  readonly #store: ObjectStore
  readonly #staging: Staging
  readonly #links: LinkWriter
  readonly #signal: AbortSignal | undefined
  readonly #onEnd: () => Promise<void>
  readonly #writers = new Set<Writer>()
  readonly #spools = new Set<StagedSpool>()
  #parts: StagedPart[] = []
  /** For single objects; a new one after every flush. */
  #own: DirObjectWriter | undefined
  #images = new Set<ObjectId>()
  #streams = new Map<string, ObjectId>()
  readonly #refs = {
    images: new Map<string, string | undefined>(),
    streams: new Map<string, string | undefined>(),
  }
  #bytes = 0
  #flushing: Promise<void> = Promise.resolve()
  #state: 'open' | 'closed' = 'open'
  /** Of a flush: what it was to publish is lost, so nothing more may be. */
  #failure: { readonly error: unknown } | undefined

  constructor(
    context: RepoContext,
    store: ObjectStore,
    staging: Staging,
    onEnd: () => Promise<void>,
    options: OpOptions = {},
  ) {
    this.#context = context
    this.#store = store
    this.#staging = staging
    this.#onEnd = onEnd
    this.#signal = options.signal
    this.#links = new LinkWriter(context, staging)
  }

  async putObject(data: Uint8Array): Promise<ObjectId> {
    this.#checkOpen()
    const id = digestOf(data, this.#context.meta.algorithm)
    this.#bytes += data.length
    const writer = this.#single()
    writer.put(data)
    if (writer.full) await writer.drain()
    return id
  }

  async putFile(source: FileSource): Promise<{ id: ObjectId; sizeBytes: number }> {
    this.#checkOpen()
    const made = await this.#single().adopt((temporary) => copyIn(this.#context, source, temporary))
    this.#bytes += made.sizeBytes
    return made
  }

  objects(): ObjectWriter {
    return this.#newWriter()
  }

  #newWriter(): Writer {
    this.#checkOpen()
    const path = this.#staging.next('objects')
    const onFinish = (part: StagedPart) => {
      this.#writers.delete(writer)
      this.#parts.push(part)
    }
    const writer: Writer =
      this.#context.native === undefined
        ? new DirObjectWriter(this.#context, path, onFinish)
        : new NativeObjectWriterAdapter(this.#context, path, onFinish)
    this.#writers.add(writer)
    return writer
  }

  splitstream(contentType: bigint): SplitstreamWriter {
    this.#checkOpen()
    const { dir, meta, native } = this.#context
    const spool = new StagedSpool(dir, this.#staging.next('spool'), async (sizeBytes, chunks) => {
      this.#checkOpen()
      this.#spools.delete(spool)
      this.#bytes += sizeBytes
      // A writer of its own, so that its id is known at once and nothing else waits for it.
      const writer = new DirObjectWriter(this.#context, this.#staging.next('objects'), (part) => {
        this.#parts.push(part)
      })
      this.#writers.add(writer)
      try {
        await writeObject(writer, sizeBytes, chunks)
        return (await writer.finish())[0]!
      } finally {
        writer.close()
        await writer.settled()
        this.#writers.delete(writer)
      }
    })
    this.#spools.add(spool)
    return new RepoSplitstreamWriter(meta.algorithm, contentType, () => openZstdEncoder(native), spool)
  }

  async putImage(tree: FileTree, version: ErofsVersion = this.#context.meta.erofsVersion): Promise<ObjectId> {
    this.#checkOpen()
    const { algorithm } = this.#context.meta
    // Digests of images in repositories are those that composefs-rs gives.
    const image = planErofs(tree, { version, algorithm, flavor: 'rs' })
    // It could be written, and nobody could read it.
    if (image.sizeBytes > maxImageBytes) {
      throw invalidTree('tree', `its image would have ${image.sizeBytes} bytes, more than ${maxImageBytes}`)
    }
    this.#bytes += image.sizeBytes
    const writer = this.#newWriter()
    try {
      await writeObject(writer, image.sizeBytes, image.chunks())
      const id = (await writer.finish())[0]!
      this.#images.add(id)
      return id
    } finally {
      writer.close()
      await writer.settled()
      this.#writers.delete(writer)
    }
  }

  setStream(contentId: string, id: ObjectId): void {
    this.#checkOpen()
    assertEntryName(contentId)
    assertObjectId(id, this.#context.meta.algorithm)
    this.#streams.set(contentId, id)
  }

  setRef(kind: LinkKind, name: string, target: string | undefined): void {
    this.#checkOpen()
    assertRefName(name)
    if (target !== undefined) assertEntryName(target)
    this.#refs[kind].set(name, target)
  }

  flush(): Promise<void> {
    this.#checkOpen()
    const flushed = this.#flushing.then(() => this.#publish())
    this.#flushing = flushed.catch(() => undefined)
    return flushed
  }

  async commit(): Promise<void> {
    this.#checkOpen()
    try {
      if (this.#writers.size > (this.#own === undefined ? 0 : 1) || this.#spools.size > 0) {
        throw invalidTree('transaction', 'a writer was not finished')
      }
      for (const kind of ['images', 'streams'] as const) {
        for (const name of this.#refs[kind].keys()) await this.#links.checkRefPlace(kind, name)
      }
      await this.flush()
      await this.#placeRefs()
    } catch (error) {
      throw mapWriteError(error, this.#bytes)
    } finally {
      await this[Symbol.asyncDispose]()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    try {
      await this.#flushing
      for (const spool of this.#spools) await spool.close(transactionDone())
      for (const writer of this.#writers) {
        writer.close()
        await writer.settled()
      }
      await this.#staging.remove()
    } finally {
      await this.#onEnd()
    }
  }

  #single(): DirObjectWriter {
    if (this.#own === undefined) {
      const writer = new DirObjectWriter(this.#context, this.#staging.next('objects'), (part) => {
        this.#parts.push(part)
      })
      this.#own = writer
      this.#writers.add(writer)
    }
    return this.#own
  }

  async #publish(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error
    const { dir } = this.#context
    // What is asked for from here on belongs to the next flush.
    const images = this.#images
    const streams = this.#streams
    const own = this.#own
    this.#images = new Set()
    this.#streams = new Map()
    this.#own = undefined
    try {
      this.#signal?.throwIfAborted()
      if (own !== undefined) {
        await own.finish()
        this.#writers.delete(own)
      }
      const parts = this.#parts.filter(({ names }) => names.size > 0)
      this.#parts = []
      this.#signal?.throwIfAborted()
      // Also objects that were there already may have been written by somebody who has not synced.
      if (parts.length > 0 || images.size > 0 || streams.size > 0) await dir.sync()
      this.#signal?.throwIfAborted()
      if (parts.length > 0) {
        await publishParts(this.#context, this.#store, parts)
        await dir.sync()
      }
      for (const id of [...images, ...streams.values()]) {
        if ((await this.#store.size(id)) === undefined) throw noObject(id)
      }
      let changed = false
      for (const id of images) changed = (await this.#links.toObject('images', id, id)) || changed
      if (changed) await dir.sync()
      changed = false
      for (const [name, id] of streams) changed = (await this.#links.toObject('streams', name, id)) || changed
      if (changed) await dir.sync()
    } catch (error) {
      this.#failure = { error: mapWriteError(error, this.#bytes) }
      throw this.#failure.error
    }
  }

  async #placeRefs(): Promise<void> {
    this.#signal?.throwIfAborted()
    const { dir } = this.#context
    for (const kind of ['images', 'streams'] as const) {
      for (const target of this.#refs[kind].values()) {
        if (target !== undefined) await this.#checkTarget(kind, target)
      }
    }
    let changed = false
    for (const kind of ['images', 'streams'] as const) {
      for (const [name, target] of this.#refs[kind]) {
        changed = (await this.#links.ref(kind, name, target)) || changed
      }
    }
    if (changed) await dir.sync()
  }

  /** composefs-rs stops at a reference to nothing, so none is ever made. */
  async #checkTarget(kind: LinkKind, target: string): Promise<void> {
    if ((await this.#context.dir.stat(`${kind}/${target}`)) !== undefined) return
    throw kind === 'images'
      ? new BootcError('STORE_COMPOSEFS_NO_IMAGE', `image ${target} is not in the repository`, {
          details: { image: target },
        })
      : new BootcError('STORE_COMPOSEFS_NO_STREAM', `stream ${target} is not in the repository`, {
          details: { stream: target },
        })
  }

  #checkOpen(): void {
    if (this.#state !== 'open') throw transactionDone()
  }
}
