import { link } from 'node:fs/promises'
import { BootcError, type Meta, type OpOptions } from '@bootc-sdk/core'
import { assertChecksum, maxMetadataBytes, objectName, sha256Hex } from '../format/checksum.js'
import { invalid } from '../format/errors.js'
import { encodeDict } from '../format/variant-dict.js'
import type { ContentWriter, MetadataType, RepoTransaction, VariantDict } from './api.js'
import { DirContentWriter } from './content-writer-dir.js'
import { NativeContentWriter } from './content-writer-native.js'
import type { RepoContext } from './context.js'
import { mapWriteError } from './errors.js'
import { ensureDir } from './io.js'
import { lockRepo } from './lock.js'
import { openMetadataWriter, type MetadataWriter } from './metadata-writer.js'
import { checkRefPlaces, placeRefs, stageRefs } from './ref-files.js'
import { SpaceBudget } from './space-budget.js'
import { publishByDir, Staging } from './staging.js'

/** A subdirectory of the staging directory whose objects are complete. */
interface Part {
  readonly path: string
  readonly names: readonly string[]
  readonly replace: boolean
}

const partialPath = (commit: string): string => `state/${commit}.commitpartial`

/** Called with the lock still held, after refs moved. */
export type AfterCommit = () => Promise<void>

/**
 * Objects are written below `tmp/`, synced, renamed into `objects/`, synced again; then refs are renamed into
 * place. So a ref never names a commit whose objects could be lost, and an object under `objects/` is complete.
 */
export class Transaction implements RepoTransaction {
  readonly #context: RepoContext
  readonly #staging: Staging
  readonly #lock: AsyncDisposable
  readonly #budget: SpaceBudget
  readonly #signal: AbortSignal | undefined
  readonly #afterRefs: AfterCommit
  readonly #metadata: MetadataWriter
  readonly #writers = new Set<ContentWriter>()
  readonly #parts: Part[] = []
  readonly #refs = new Map<string, string | undefined>()
  readonly #detached: string[] = []
  readonly #complete: string[] = []
  /** Commits to be marked, and those that this transaction has marked. */
  readonly #partial = new Set<string>()
  readonly #marked = new Set<string>()
  readonly #raw: string[] = []
  readonly #rawDirs = new Set<string>()
  #temporaries = 0
  #bytes = 0
  #writerCount = 0
  #state: 'open' | 'committed' | 'closed' = 'open'

  private constructor(
    context: RepoContext,
    staging: Staging,
    lock: AsyncDisposable,
    budget: SpaceBudget,
    afterRefs: AfterCommit,
    signal: AbortSignal | undefined,
  ) {
    this.#context = context
    this.#staging = staging
    this.#lock = lock
    this.#budget = budget
    this.#afterRefs = afterRefs
    this.#signal = signal
    this.#metadata = openMetadataWriter(context, `${staging.path}/meta`)
  }

  static async begin(
    context: RepoContext,
    afterRefs: AfterCommit,
    options: OpOptions = {},
  ): Promise<Transaction> {
    options.signal?.throwIfAborted()
    const lock = await lockRepo(context, false, options)
    try {
      const budget = await SpaceBudget.open(context.dir, context.config, context.mode)
      const staging = await Staging.create(context.dir)
      return new Transaction(context, staging, lock, budget, afterRefs, options.signal)
    } catch (error) {
      await lock[Symbol.asyncDispose]()
      throw mapWriteError(error, 0)
    }
  }

  async writeMetadata(type: MetadataType, bytes: Uint8Array): Promise<string> {
    return (await this.writeMetadataBatch([{ type, bytes }]))[0]!
  }

  async writeMetadataBatch(objects: readonly { type: MetadataType; bytes: Uint8Array }[]): Promise<string[]> {
    this.#checkOpen()
    try {
      const checksums = objects.map(({ type, bytes }) => {
        if (bytes.length > maxMetadataBytes) throw invalid(type, `${bytes.length} bytes are too many`)
        const checksum = sha256Hex(bytes)
        this.#metadata.put(objectName(type, checksum, this.#context.mode), bytes)
        return checksum
      })
      await this.#metadata.drain()
      return checksums
    } catch (error) {
      throw mapWriteError(
        error,
        objects.reduce((sum, object) => sum + object.bytes.length, 0),
      )
    }
  }

  content(): ContentWriter {
    this.#checkOpen()
    const { dir, mode, native, config } = this.#context
    const path = `${this.#staging.path}/${this.#writerCount++}`
    const level = config.integer('archive', 'zlib-level', 6)
    const done = (names: readonly string[], bytes: number) => {
      this.#writers.delete(writer)
      this.#parts.push({ path, names, replace: false })
      this.#bytes += bytes
    }
    const writer: ContentWriter =
      native === undefined
        ? new DirContentWriter(dir, path, mode, this.#budget, level, done)
        : new NativeContentWriter(
            native.addon.createObjectWriter({
              stagingDir: native.makeDir(path),
              existing: [`${native.repoPath}/objects`],
            }),
            mode,
            this.#budget,
            level,
            done,
          )
    this.#writers.add(writer)
    return writer
  }

  async writeDetached(commit: string, metadata: VariantDict): Promise<void> {
    this.#checkOpen()
    assertChecksum(commit)
    const { dir } = this.#context
    const name = objectName('commitmeta', commit, this.#context.mode)
    const root = `${this.#staging.path}/detached`
    await ensureDir(dir, root)
    await ensureDir(dir, `${root}/${name.slice(0, 2)}`)
    await dir.write(`${root}/${name}`, encodeDict(metadata), { mode: 0o644 })
    if (!this.#detached.includes(name)) this.#detached.push(name)
  }

  /** A path in the staging directory for something half done. */
  temporaryPath(): string {
    this.#checkOpen()
    return `${this.#staging.path}/spool-${this.#temporaries++}`
  }

  /** Give a verified file its object name. @param path from `temporaryPath` */
  async adoptFile(name: string, path: string, sizeBytes: number): Promise<void> {
    await this.#makeRawDir(name)
    await this.#context.dir.rename(path, `${this.#staging.path}/raw/${name}`)
    this.#addRaw(name, sizeBytes)
  }

  /** A verified object as it is on disk elsewhere. */
  async writeRaw(name: string, bytes: Uint8Array, meta: Meta): Promise<void> {
    await this.#makeRawDir(name)
    await this.#context.dir.write(`${this.#staging.path}/raw/${name}`, bytes, { ...meta, atomic: false })
    this.#addRaw(name, bytes.length)
  }

  /** Hard-link an object of another repository. False where the file system cannot. */
  async linkRaw(name: string, hostPath: string): Promise<boolean> {
    const own = this.#context.dir.hostPath
    if (own === undefined) return false
    await this.#makeRawDir(name)
    try {
      // link(2) does not follow a final symbolic link.
      await link(hostPath, `${own}/${this.#staging.path}/raw/${name}`)
    } catch (error) {
      const { code } = error as { code?: unknown }
      if (code === 'EXDEV' || code === 'EMLINK' || code === 'EPERM') return false
      throw error
    }
    this.#addRaw(name, 0)
    return true
  }

  setRef(ref: string, checksum: string | undefined): void {
    this.#checkOpen()
    if (checksum !== undefined) assertChecksum(checksum)
    this.#refs.set(ref, checksum)
  }

  async markPartial(commit: string, partial: boolean): Promise<void> {
    this.#checkOpen()
    assertChecksum(commit)
    if (!partial) {
      this.#complete.push(commit)
      return
    }
    this.#partial.add(commit)
    await this.#mark(commit)
  }

  async commit(): Promise<{ objects: number; bytes: number }> {
    this.#checkOpen()
    if (this.#writers.size > 0) throw invalid('transaction', 'a content writer was not finished')
    this.#signal?.throwIfAborted()
    const { dir } = this.#context
    try {
      const metadata = await this.#metadata.finish()
      this.#parts.push({ path: `${this.#staging.path}/meta`, names: metadata.names, replace: false })
      this.#parts.push({ path: `${this.#staging.path}/raw`, names: this.#raw, replace: false })
      this.#parts.push({ path: `${this.#staging.path}/detached`, names: this.#detached, replace: true })
      await this.#budget.check()
      await checkRefPlaces(dir, this.#refs)
      const staged = await stageRefs(dir, this.#staging.path, this.#refs)
      this.#signal?.throwIfAborted()
      // Whoever made the mark before us may have given up and taken it away.
      for (const commit of this.#partial) await this.#mark(commit)
      const objects = await this.#publish()
      await placeRefs(dir, staged)
      for (const commit of this.#complete) await dir.remove(partialPath(commit))
      this.#state = 'committed'
      if (objects > 0 || this.#refs.size > 0) await dir.setMeta('', { mtime: Date.now() / 1000 })
      await this.#afterRefs()
      await this.#sync(this.#refs.size > 0 || this.#complete.length > 0)
      return { objects, bytes: this.#bytes + metadata.bytes }
    } catch (error) {
      throw mapWriteError(error, this.#bytes)
    } finally {
      await this[Symbol.asyncDispose]()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === 'closed') return
    const committed = this.#state === 'committed'
    this.#state = 'closed'
    try {
      for (const writer of this.#writers) {
        writer.close()
        if (writer instanceof DirContentWriter) await writer.settled()
      }
      await this.#metadata.close()
      if (!committed) for (const commit of this.#marked) await this.#unmark(commit)
      await this.#staging.remove()
    } finally {
      await this.#lock[Symbol.asyncDispose]()
    }
  }

  async #mark(commit: string): Promise<void> {
    const { dir } = this.#context
    const path = partialPath(commit)
    if ((await dir.stat(path)) !== undefined) return
    await ensureDir(dir, 'state')
    await dir.write(path, new Uint8Array(0), { mode: 0o644 })
    this.#marked.add(commit)
  }

  /** Never of a commit that is visible, be it by us before something failed, or by somebody else. */
  async #unmark(commit: string): Promise<void> {
    const { dir, mode } = this.#context
    if ((await dir.stat(`objects/${objectName('commit', commit, mode)}`)) !== undefined) return
    await dir.remove(partialPath(commit))
  }

  async #makeRawDir(name: string): Promise<void> {
    this.#checkOpen()
    const root = `${this.#staging.path}/raw`
    for (const path of [root, `${root}/${name.slice(0, 2)}`]) {
      if (this.#rawDirs.has(path)) continue
      await ensureDir(this.#context.dir, path)
      this.#rawDirs.add(path)
    }
  }

  #addRaw(name: string, sizeBytes: number): void {
    this.#raw.push(name)
    this.#bytes += sizeBytes
    this.#budget.charge(sizeBytes)
  }

  /** Commits go last: one that is visible has everything it needs. */
  async #publish(): Promise<number> {
    const isCommit = (name: string) => name.endsWith('.commit')
    const pick = (wanted: boolean) =>
      this.#parts
        .map((part) => ({ ...part, names: part.names.filter((name) => isCommit(name) === wanted) }))
        .filter((part) => part.names.length > 0)
    const [others, commits] = [pick(false), pick(true)]
    const any = others.length + commits.length > 0
    await this.#sync(any || this.#refs.size > 0)
    let moved = await this.#move(others)
    await this.#sync(others.length > 0)
    moved += await this.#move(commits)
    await this.#sync(commits.length > 0)
    return moved
  }

  async #move(parts: readonly Part[]): Promise<number> {
    const { dir, native } = this.#context
    let moved = 0
    for (const { path, names, replace } of parts) {
      if (native === undefined) {
        moved += await publishByDir(dir, path, names, replace)
        continue
      }
      const result = await native.addon.publish(
        `${native.repoPath}/${path}`,
        `${native.repoPath}/objects`,
        replace ? [] : names,
        replace ? names : [],
        // The whole file system is synced when all are there, once instead of for each of 256 directories.
        false,
      )
      moved += result.moved
    }
    return moved
  }

  async #sync(needed: boolean): Promise<void> {
    if (needed && this.#context.config.bool('core', 'fsync', true)) await this.#context.dir.sync()
  }

  #checkOpen(): void {
    if (this.#state !== 'open') {
      throw new BootcError('STORE_OSTREE_TRANSACTION_DONE', 'transaction is committed or disposed already')
    }
  }
}
