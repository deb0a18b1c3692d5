import { BootcError, isBootcError, type Bytes, type Dir, type OpOptions } from '@bootc-sdk/core'
import type { ObjectId } from '../format/types.js'
import type {
  ComposefsRepo,
  GcResult,
  RepoFsck,
  RepoMeta,
  RepoTransaction,
  SplitstreamReader,
  VerityState,
} from './api.js'
import type { RepoContext } from './context.js'
import { mapWriteError, readOnly } from './errors.js'
import { isAbsent, listNames } from './io.js'
import {
  assertEntryName,
  assertObjectId,
  assertRefName,
  isObjectId,
  readObjectLink,
  readRefLink,
  type LinkKind,
} from './links.js'
import { ObjectStore } from './object-store.js'
import { listRefs } from './refs.js'
import type { RepoLock } from './repo-lock.js'
import { RepoSplitstream } from './splitstream-reader.js'
import { removeStale, Staging } from './staging.js'
import { enableVerity } from './verity-fs.js'

export class Repo implements ComposefsRepo {
  readonly #context: RepoContext
  readonly #lock: RepoLock
  readonly #store: ObjectStore
  #transactions = 0
  /** A collection that is running. */
  #collecting: Promise<void> | undefined
  #closed = false
  #enforceVerity: boolean | undefined

  constructor(context: RepoContext, lock: RepoLock) {
    this.#context = context
    this.#lock = lock
    this.#store = new ObjectStore(context)
  }

  get dir(): Dir {
    return this.#context.dir
  }

  get meta(): RepoMeta {
    return this.#context.meta
  }

  get verity(): VerityState {
    return this.#context.verity
  }

  async hasObject(id: ObjectId, sizeBytes?: number): Promise<boolean> {
    const size = await this.#store.size(id)
    return size !== undefined && (sizeBytes === undefined || size === sizeBytes)
  }

  objectSize(id: ObjectId): Promise<number | undefined> {
    return this.#store.size(id)
  }

  openObject(id: ObjectId, range?: { start: number; end?: number }): Bytes {
    return this.#store.open(id, range)
  }

  readObject(id: ObjectId, maxBytes: number): Promise<Buffer> {
    return this.#store.read(id, maxBytes)
  }

  listObjects(): AsyncIterable<{ readonly id: ObjectId; readonly sizeBytes: number }> {
    return this.#store.list()
  }

  async stream(contentId: string): Promise<ObjectId | undefined> {
    assertEntryName(contentId)
    return readObjectLink(this.dir, `streams/${contentId}`, this.meta.algorithm)
  }

  async *listStreams(): AsyncIterable<{ readonly contentId: string; readonly id: ObjectId }> {
    for (const contentId of await listNames(this.dir, 'streams')) {
      if (contentId === 'refs') continue
      const id = await this.#objectOf('streams', contentId)
      if (id !== undefined) yield { contentId, id }
    }
  }

  openStream(id: ObjectId): Promise<SplitstreamReader> {
    return RepoSplitstream.open(this.#context, this.#store, id)
  }

  async hasImage(id: ObjectId): Promise<boolean> {
    assertObjectId(id, this.meta.algorithm)
    if ((await this.#objectOf('images', id)) !== id) return false
    return (await this.#store.size(id)) !== undefined
  }

  async *listImages(): AsyncIterable<ObjectId> {
    for (const name of await listNames(this.dir, 'images')) {
      if (!isObjectId(name, this.meta.algorithm)) continue
      if ((await this.#objectOf('images', name)) === name) yield name
    }
  }

  async readRef(kind: LinkKind, name: string): Promise<string | undefined> {
    assertRefName(name)
    return readRefLink(this.dir, `${kind}/refs/${name}`)
  }

  listRefs(
    kind: LinkKind,
    prefix?: string,
  ): AsyncIterable<{ readonly name: string; readonly target: string }> {
    return listRefs(this.dir, kind, prefix)
  }

  async begin(options: OpOptions = {}): Promise<RepoTransaction> {
    this.#checkOpen()
    options.signal?.throwIfAborted()
    const { readOnlyReason } = this.meta
    if (readOnlyReason !== undefined) throw readOnly(readOnlyReason)
    while (this.#collecting !== undefined) await this.#collecting
    // At once: the next collection must see it.
    this.#transactions++
    let staging: Staging | undefined
    let shared: AsyncDisposable | undefined
    try {
      shared = await this.#lock.share(options)
      const { Transaction } = await import('./transaction.js')
      await removeStale(this.dir)
      staging = await Staging.create(this.dir)
      const context = { ...this.#context, enforceVerity: await this.#probeVerity(staging) }
      const held = shared
      const onEnd = async (): Promise<void> => {
        this.#transactions--
        await held[Symbol.asyncDispose]()
      }
      return new Transaction(context, this.#store, staging, onEnd, options)
    } catch (error) {
      this.#transactions--
      // What cannot be removed now, the next transaction removes; a lock that stayed would keep others out.
      await staging?.remove().catch(() => undefined)
      await shared?.[Symbol.asyncDispose]()
      if (isBootcError(error, 'TREE_READ_ONLY') || isBootcError(error, 'TREE_PERMISSION')) {
        throw readOnly(error.message, error)
      }
      throw mapWriteError(error, 0)
    }
  }

  async gc(
    roots: { readonly images?: Iterable<ObjectId>; readonly streams?: Iterable<string> } = {},
    options: OpOptions & { readonly dryRun?: boolean; readonly timeoutMs?: number } = {},
  ): Promise<GcResult> {
    this.#checkOpen()
    const run = async () => {
      const { collectGarbage } = await import('./gc.js')
      return collectGarbage(this.#context, this.#store, roots, options)
    }
    if (options.dryRun === true) return run()
    const { readOnlyReason } = this.meta
    if (readOnlyReason !== undefined) throw readOnly(readOnlyReason)
    while (this.#collecting !== undefined) await this.#collecting
    if (this.#transactions > 0) {
      throw new BootcError('STORE_COMPOSEFS_LOCKED', 'a transaction of this repository is open', {
        details: { path: this.dir.hostPath ?? '.', timeoutMs: 0 },
      })
    }
    const collected = this.#lock.exclusively(run, options)
    const done = () => {
      this.#collecting = undefined
    }
    this.#collecting = collected.then(done, done)
    return collected
  }

  async fsck(options: OpOptions & { readonly metadataOnly?: boolean } = {}): Promise<RepoFsck> {
    this.#checkOpen()
    const { checkRepo } = await import('./fsck.js')
    return checkRepo(this.#context, this.#store, options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    // It takes the lock again at its end.
    await this.#collecting
    await this.#lock[Symbol.asyncDispose]()
  }

  async #objectOf(kind: LinkKind, name: string): Promise<ObjectId | undefined> {
    try {
      return await readObjectLink(this.dir, `${kind}/${name}`, this.meta.algorithm)
    } catch (error) {
      if (isBootcError(error, 'STORE_COMPOSEFS_BROKEN_REF') || isAbsent(error)) return undefined
      throw error
    }
  }

  /** The file system says that it can; whether the kernel agrees shows with the first file. */
  async #probeVerity(staging: Staging): Promise<boolean> {
    const { verity, meta, dir } = this.#context
    if (verity.mode === 'required') return true
    if (!verity.enforceable) return false
    if (this.#enforceVerity === undefined) {
      const path = staging.next('probe')
      await dir.write(path, Buffer.from('probe'), { mode: 0o600, atomic: false })
      const outcome = await enableVerity(dir, path, meta.algorithm).catch(() => 'unsupported')
      this.#enforceVerity = outcome === 'enabled'
      await dir.remove(path)
    }
    return this.#enforceVerity
  }

  #checkOpen(): void {
    if (!this.#closed) return
    throw new BootcError('STORE_COMPOSEFS_TRANSACTION_DONE', 'repository is closed already')
  }
}
