import { createHash } from 'node:crypto'
import type { BootcError, Bytes, OpOptions } from '@bootc-sdk/core'
import { objectName, sha256Hex } from '../format/checksum.js'
import { decodeDirMeta } from '../format/dirmeta.js'
import { decodeDirTree } from '../format/dirtree.js'
import { corrupt } from '../format/errors.js'
import { decodeFilezHeader, encodeFileHeader, filezHeaderBytes } from '../format/file-header.js'
import { isSymlinkMode } from '../format/mode.js'
import type { Commit, ContentWriter, DirTree, FileHeader, MetadataType } from './api.js'
import { noObject } from './errors.js'
import { inflateStream, inflateWhole } from './inflate.js'
import { mapLimit } from '@bootc-sdk/core/store-kit'
import { collect } from './io.js'
import { listObjects } from './list-objects.js'
import type { PullSource } from './pull-source.js'
import type { Repo } from './repo.js'
import type { Transaction } from './transaction.js'

/** Requests in flight, as libostree has it. */
const fetchesAtOnce = 8
/** Compressed objects up to this size stay in memory. */
const wholeBytes = 1024 * 1024
/** A batch is made visible (as a partial commit) after this much, so that an interrupted pull can go on. */
const batchBytes = 64 * 1024 * 1024
const batchObjects = 5000

export interface PullStats {
  objects: number
  bytes: number
}

/**
 * Fetches commits with everything they need. Every object is verified before it gets its name; the commit is
 * marked partial until all are here.
 */
export class ObjectPuller {
  readonly #repo: Repo
  readonly #source: PullSource
  readonly #options: OpOptions
  readonly stats: PullStats = { objects: 0, bytes: 0 }
  #existing: Set<string> | undefined
  /** A promise, since several fetches may ask at once. */
  #transaction: Promise<Transaction> | undefined
  #writer: ContentWriter | undefined
  /** Fetched and not yet visible: decoded metadata, and `true` for files. */
  readonly #staged = new Map<string, unknown>()
  #expected: (readonly [id: number, checksum: string])[] = []
  #batchBytes = 0
  #batchObjects = 0

  constructor(repo: Repo, source: PullSource, options: OpOptions) {
    this.#repo = repo
    this.#source = source
    this.#options = options
  }

  /** @returns the bytes of the commit object, verified; undefined when the source has none */
  async commitBytes(checksum: string): Promise<Uint8Array | undefined> {
    const bytes = await this.#source.metadata('commit', checksum)
    if (bytes !== undefined) this.#verify('commit', checksum, bytes)
    return bytes
  }

  /** Somebody else wrote objects meanwhile. */
  forgetExisting(): void {
    this.#existing = undefined
  }

  /** Bring one commit here, without its parents. */
  async pull(checksum: string, bytes: Uint8Array, commit: Commit): Promise<void> {
    const transaction = await this.#begin()
    await transaction.markPartial(checksum, true)
    await transaction.writeMetadata('commit', bytes)
    const files = [...(await this.#pullTrees(commit))]
    for (let at = 0; at < files.length;) {
      const batch = files.slice(at, at + batchObjects)
      let taken = 0
      // Stops handing out work when the batch is large enough; what is in flight is waited for.
      await mapLimit(batch, fetchesAtOnce, async (file, index) => {
        if (this.#batchBytes >= batchBytes && index > 0) return
        taken = Math.max(taken, index + 1)
        await this.#file(file)
      })
      at += taken
      await this.#endBatchIfLarge()
    }
  }

  /** End the current batch, with refs and marks set by `last` in it. */
  async flush(last?: (transaction: Transaction) => Promise<void>): Promise<void> {
    if (last !== undefined) await this.#begin()
    const transaction = await this.#transaction
    if (transaction === undefined) return
    const writer = this.#writer
    if (writer !== undefined) {
      const written = await writer.finish()
      for (const [id, checksum] of this.#expected) {
        if (written[id] !== checksum) throw this.#mismatch('file', checksum, written[id]!)
      }
    }
    await last?.(transaction)
    const { objects, bytes } = await transaction.commit()
    this.stats.objects += objects
    this.stats.bytes += bytes
    this.#transaction = undefined
    this.#writer = undefined
    this.#expected = []
    // Nothing that was staged is known to be missing any more.
    if (this.#staged.size > 0) this.#existing = undefined
    this.#staged.clear()
    this.#batchBytes = 0
    this.#batchObjects = 0
  }

  async close(): Promise<void> {
    const transaction = await this.#transaction?.catch(() => undefined)
    this.#transaction = undefined
    await transaction?.[Symbol.asyncDispose]()
  }

  async #begin(): Promise<Transaction> {
    this.#transaction ??= this.#repo.begin(this.#options)
    return this.#transaction
  }

  /** Directories level by level; @returns names of files that are missing here */
  async #pullTrees(commit: Commit): Promise<Set<string>> {
    const files = new Set<string>()
    const seen = new Set<string>()
    let level = new Set([commit.rootTree])
    let metas = new Set([commit.rootMeta])
    while (level.size > 0) {
      this.#options.signal?.throwIfAborted()
      await mapLimit([...metas], fetchesAtOnce, (meta) => this.#metadata('dirmeta', meta, decodeDirMeta))
      const trees = await mapLimit([...level], fetchesAtOnce, (tree) =>
        this.#metadata<DirTree>('dirtree', tree, decodeDirTree),
      )
      const next = new Set<string>()
      for (const checksum of [...level, ...metas]) seen.add(checksum)
      metas = new Set()
      for (const { files: own, dirs } of trees) {
        for (const { checksum } of own) if (!(await this.#has('file', checksum))) files.add(checksum)
        for (const { tree, meta } of dirs) {
          if (!seen.has(tree)) next.add(tree)
          if (!seen.has(meta)) metas.add(meta)
        }
      }
      level = next
      await this.#endBatchIfLarge()
    }
    return files
  }

  async #metadata<T>(
    type: MetadataType,
    checksum: string,
    decode: (bytes: Uint8Array, what?: string) => T,
  ): Promise<T> {
    const name = objectName(type, checksum, this.#repo.mode)
    const staged = this.#staged.get(name)
    if (staged !== undefined) return staged as T
    if (await this.#has(type, checksum)) return decode(await this.#repo.readMetadata(type, checksum), name)
    const bytes = await this.#source.metadata(type, checksum)
    if (bytes === undefined) throw this.#missing(name)
    this.#verify(type, checksum, bytes)
    // Before it is written: a well-hashed object may still be nonsense.
    const value = decode(bytes, name)
    await (await this.#begin()).writeMetadata(type, bytes)
    this.#staged.set(name, value)
    this.#count(bytes.length)
    return value
  }

  async #file(checksum: string): Promise<void> {
    this.#options.signal?.throwIfAborted()
    const source = this.#source
    const name = objectName('file', checksum, this.#repo.mode)
    this.#staged.set(name, true)
    const transaction = await this.#begin()
    if (source.linkPath !== undefined && source.mode === this.#repo.mode) {
      if (await this.#link(transaction, name, source.linkPath(checksum))) return
    }
    if (source.rawFile !== undefined) await this.#rawFile(transaction, checksum, name)
    else if (source.file !== undefined) {
      const { header, sizeBytes, content } = await source.file(checksum)
      await this.#write(transaction, checksum, header, sizeBytes, content)
    } else throw this.#missing(name)
  }

  async #link(transaction: Transaction, name: string, path: string): Promise<boolean> {
    try {
      if (!(await transaction.linkRaw(name, path))) return false
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ENOENT') throw this.#missing(name, error)
      throw error
    }
    this.#count(0)
    return true
  }

  async #rawFile(transaction: Transaction, checksum: string, name: string): Promise<void> {
    const { dir } = this.#repo
    const spool = transaction.temporaryPath()
    const got = await this.#source.rawFile!(checksum, async (body, sizeBytes) => {
      if (sizeBytes !== undefined && sizeBytes <= wholeBytes) return collect(body, wholeBytes, name)
      await dir.write(spool, body, { mode: 0o644, atomic: false })
      return undefined
    })
    const spooled = got === undefined ? await dir.stat(spool) : undefined
    if (got === undefined && spooled === undefined) throw this.#missing(name)
    const rawBytes = got?.length ?? spooled!.sizeBytes
    const head = got ?? (await collect(dir.read(spool, { start: 0, end: 65_536 }), 65_536, name))
    const headerBytes = filezHeaderBytes(head.subarray(0, 8), name)
    if (headerBytes > rawBytes) throw corrupt(name, 'ends within its header')
    const whole =
      headerBytes <= head.length
        ? head.subarray(0, headerBytes)
        : await collect(dir.read(spool, { start: 0, end: headerBytes }), headerBytes, name)
    const { sizeBytes, ...header } = decodeFilezHeader(whole, name)
    if (isSymlinkMode(header.mode) && rawBytes > headerBytes)
      throw corrupt(name, 'symbolic link with content')
    const content = () => this.#inflated(got, spool, headerBytes, header, sizeBytes, name)
    if (this.#repo.mode === 'archive') {
      await this.#checkHash(checksum, header, content())
      if (got !== undefined) await transaction.writeRaw(name, got, { mode: 0o644 })
      else await transaction.adoptFile(name, spool, rawBytes)
      this.#count(rawBytes)
    } else {
      await this.#write(transaction, checksum, header, sizeBytes, content())
      if (spooled !== undefined) await dir.remove(spool)
    }
  }

  async *#inflated(
    got: Buffer | undefined,
    spool: string,
    headerBytes: number,
    header: FileHeader,
    sizeBytes: number,
    name: string,
  ): Bytes {
    if (isSymlinkMode(header.mode)) return
    if (got !== undefined && sizeBytes <= 16 * wholeBytes) {
      yield inflateWhole(got.subarray(headerBytes), sizeBytes, name)
      return
    }
    const body =
      got === undefined ? this.#repo.dir.read(spool, { start: headerBytes }) : once(got.subarray(headerBytes))
    yield* inflateStream(body, sizeBytes, name)
  }

  async #checkHash(checksum: string, header: FileHeader, content: Bytes): Promise<void> {
    const hash = createHash('sha256').update(encodeFileHeader(header))
    for await (const chunk of content) hash.update(chunk)
    const actual = hash.digest('hex')
    if (actual !== checksum) throw this.#mismatch('file', checksum, actual)
  }

  async #write(
    transaction: Transaction,
    checksum: string,
    header: FileHeader,
    sizeBytes: number,
    content: Bytes,
  ): Promise<void> {
    this.#writer ??= transaction.content()
    const writer = this.#writer
    if (sizeBytes <= wholeBytes) {
      const data = await collect(content, wholeBytes, checksum)
      this.#expected.push([writer.put(header, data), checksum])
    } else {
      const id = writer.begin(header, sizeBytes)
      for await (const chunk of content) {
        this.#options.signal?.throwIfAborted()
        writer.data(id, chunk)
        if (writer.full) await writer.drain()
      }
      writer.end(id)
      this.#expected.push([id, checksum])
    }
    this.#count(sizeBytes)
    if (writer.full) await writer.drain()
  }

  async #has(type: MetadataType | 'file', checksum: string): Promise<boolean> {
    this.#existing ??= new Set((await listObjects(this.#repo.context)).map(({ name }) => name))
    const name = objectName(type, checksum, this.#repo.mode)
    return this.#existing.has(name) || this.#staged.has(name)
  }

  #count(bytes: number): void {
    this.#batchBytes += bytes
    this.#batchObjects++
  }

  /** Only where no fetch is in flight. */
  async #endBatchIfLarge(): Promise<void> {
    if (this.#batchBytes < batchBytes && this.#batchObjects < batchObjects) return
    await this.flush()
  }

  #verify(type: MetadataType, checksum: string, bytes: Uint8Array): void {
    const actual = sha256Hex(bytes)
    if (actual !== checksum) throw this.#mismatch(type, checksum, actual)
  }

  #mismatch(type: MetadataType | 'file', checksum: string, actual: string): BootcError {
    const name = objectName(type, checksum, this.#source.mode)
    return corrupt(`${name} from ${this.#source.name}`, `hashes to ${actual}`)
  }

  #missing(name: string, cause?: unknown): BootcError {
    return noObject(`${name} from ${this.#source.name}`, cause)
  }
}

async function* once(bytes: Uint8Array): Bytes {
  yield bytes
}
