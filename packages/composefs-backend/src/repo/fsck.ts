import { isBootcError, type OpOptions } from '@bootc-sdk/core'
import { maxImageBytes } from '../format/erofs/max-image.js'
import { checkErofs } from '../format/erofs/check.js'
import { readErofs, type ErofsImage } from '../format/erofs/read.js'
import { objectPath, type ObjectId } from '../format/types.js'
import type { RepoFsck } from './api.js'
import type { RepoContext } from './context.js'
import { checkObjects } from './fsck-objects.js'
import { collect, listNames } from './io.js'
import { readObjectLink, readRefLink, type LinkKind } from './links.js'
import { readMetaFile } from './meta-file.js'
import type { ObjectStore } from './object-store.js'
import { objectState, Problems } from './problems.js'
import { walkRefs } from './refs.js'
import { RepoSplitstream } from './splitstream-reader.js'
import { isForeignLink } from './staging.js'

/**
 * Check a repository: meta.json, the digest of every object, streams, images, references. Changes nothing.
 * Damage is a result, not an error. Links are never followed: one that does not lead to an object of this
 * repository is broken, wherever it leads.
 */
export function checkRepo(
  context: RepoContext,
  store: ObjectStore,
  options: OpOptions & { readonly metadataOnly?: boolean },
): Promise<RepoFsck> {
  return new Fsck(context, store, options).run()
}

class Fsck {
  readonly #context: RepoContext
  readonly #store: ObjectStore
  readonly #signal: AbortSignal | undefined
  readonly #metadataOnly: boolean
  readonly #problems = new Problems()
  readonly #counts = { streams: { checked: 0, bad: 0 }, images: { checked: 0, bad: 0 } }
  #sizes: ReadonlyMap<ObjectId, number> = new Map()
  #brokenLinks = 0
  #missingObjects = 0

  constructor(
    context: RepoContext,
    store: ObjectStore,
    options: OpOptions & { readonly metadataOnly?: boolean },
  ) {
    this.#context = context
    this.#store = store
    this.#signal = options.signal
    this.#metadataOnly = options.metadataOnly === true
  }

  async run(): Promise<RepoFsck> {
    this.#signal?.throwIfAborted()
    const metadata = await this.#metadata()
    const { checked, bad, sizes } = await checkObjects(this.#context, this.#store, this.#problems, {
      metadataOnly: this.#metadataOnly,
      signal: this.#signal,
    })
    this.#sizes = sizes
    for (const kind of ['streams', 'images'] as const) {
      await this.#entries(kind)
      await this.#refs(kind)
    }
    return {
      metadata,
      objects: { checked, bad },
      ...this.#counts,
      brokenLinks: this.#brokenLinks,
      missingObjects: this.#missingObjects,
      problems: this.#problems.list,
    }
  }

  async #metadata(): Promise<boolean> {
    const { dir, meta } = this.#context
    try {
      const found = await readMetaFile(dir)
      if (found === undefined) {
        this.#problems.add('metadata-parse-failed', 'meta.json', 'is missing')
        return false
      }
      if (found.algorithm === meta.algorithm) return true
      const detail = `expected ${found.algorithm}, repository opened as ${meta.algorithm}`
      this.#problems.add('metadata-algorithm-mismatch', 'meta.json', detail)
    } catch (error) {
      this.#problems.addError('metadata-parse-failed', 'meta.json', error)
    }
    return false
  }

  async #entries(kind: LinkKind): Promise<void> {
    const { dir } = this.#context
    const type = (await dir.stat(kind))?.type
    if (type !== undefined && type !== 'directory') {
      this.#problems.add('unexpected-file-type', kind, type)
      return
    }
    const count = this.#counts[kind]
    for (const name of await listNames(dir, kind)) {
      if (name === 'refs' || isForeignLink(name)) continue
      this.#signal?.throwIfAborted()
      count.checked++
      const path = `${kind}/${name}`
      if ((await dir.stat(path))?.type !== 'symlink') {
        this.#problems.add('entry-not-symlink', path)
        count.bad++
        continue
      }
      const id = await this.#target(path)
      if (id === undefined) {
        this.#brokenLinks++
        count.bad++
      } else if (!(await (kind === 'streams' ? this.#stream(path, id) : this.#image(path, name, id)))) {
        count.bad++
      }
    }
  }

  /** The object that a link leads to; a broken one is noted. */
  async #target(path: string): Promise<ObjectId | undefined> {
    const { dir, meta } = this.#context
    try {
      const id = await readObjectLink(dir, path, meta.algorithm)
      if (id !== undefined && (await objectState(dir, id)) !== 'missing') return id
      this.#problems.add('broken-symlink', path)
    } catch (error) {
      if (!isBootcError(error, 'STORE_COMPOSEFS_BROKEN_REF')) throw error
      this.#problems.add('broken-symlink', path, error.details.reason)
    }
    return undefined
  }

  /** @returns false when it cannot be read; what it refers to is counted apart, as composefs-rs does */
  async #stream(path: string, id: ObjectId): Promise<boolean> {
    let stream: RepoSplitstream
    try {
      stream = await RepoSplitstream.open(this.#context, this.#store, id)
    } catch (error) {
      this.#problems.addError('stream-open-failed', path, error)
      return false
    }
    let whole = true
    for (const object of stream.objectRefs) {
      if (!(await this.#object('missing-object-ref', path, object))) whole = false
    }
    for (const [name, object] of stream.namedRefs) {
      await this.#object('missing-named-ref', path, object, `ref ${name}: `)
    }
    if (this.#metadataOnly) return true
    try {
      const sizeBytes = await this.#contentBytes(stream)
      if (!whole || sizeBytes === stream.sizeBytes) return true
      const detail = `content of ${sizeBytes} bytes, ${stream.sizeBytes} stated`
      this.#problems.add('stream-read-failed', path, detail)
    } catch (error) {
      this.#signal?.throwIfAborted()
      this.#problems.addError('stream-read-failed', path, error)
    }
    return false
  }

  /** Decompresses everything, so that damage shows. */
  async #contentBytes(stream: RepoSplitstream): Promise<number> {
    let sizeBytes = 0
    for await (const piece of stream.pieces()) {
      sizeBytes += 'inline' in piece ? piece.inline.length : (this.#sizes.get(piece.object) ?? 0)
    }
    return sizeBytes
  }

  async #image(path: string, name: string, id: ObjectId): Promise<boolean> {
    if (name !== id) {
      this.#problems.add('image-invalid', path, `leads to ${id}`)
      return false
    }
    let bytes: Buffer | undefined
    try {
      bytes = await collect(this.#store.open(id), maxImageBytes)
    } catch (error) {
      this.#problems.addError('image-open-failed', path, error)
      return false
    }
    if (bytes === undefined) {
      this.#problems.add('image-read-failed', path, `is larger than ${maxImageBytes} bytes`)
      return false
    }
    let objects: ReturnType<ErofsImage['objects']>
    try {
      const image = readErofs(bytes)
      // Tools differ in how they count links, and nothing depends on it.
      checkErofs(image, { nlink: false })
      objects = [...image.objects()]
    } catch (error) {
      this.#problems.addError('image-invalid', path, error)
      return false
    }
    for (const { digest, path: payload } of objects) {
      if (digest === '')
        this.#problems.add('object-check-failed', path, `${payload}: is not an object's name`)
      else await this.#object('image-missing-object', path, digest)
    }
    return true
  }

  /** @returns whether it is there */
  async #object(kind: string, path: string, id: ObjectId, about = ''): Promise<boolean> {
    if (this.#sizes.has(id)) return true
    // Not among those of this repository's algorithm, or no file.
    if ((await objectState(this.#context.dir, id)) === 'missing') {
      this.#missingObjects++
      this.#problems.add(kind, path, about + id)
    } else {
      this.#problems.add('object-check-failed', path, `${id}: ${about}is not an object of this repository`)
    }
    return false
  }

  async #refs(kind: LinkKind): Promise<void> {
    const { dir } = this.#context
    for await (const { name, type } of walkRefs(dir, kind)) {
      const path = `${kind}/refs/${name}`
      if (type !== 'symlink') {
        this.#problems.add('unexpected-file-type', path, type)
        continue
      }
      if (await this.#resolves(kind, path)) continue
      this.#brokenLinks++
      this.#problems.add('broken-symlink', path)
    }
  }

  /** Does a reference lead to an entry, and that to an object? */
  async #resolves(kind: LinkKind, path: string): Promise<boolean> {
    const { dir, meta } = this.#context
    try {
      const target = await readRefLink(dir, path)
      if (target === undefined) return false
      const id = await readObjectLink(dir, `${kind}/${target}`, meta.algorithm)
      return id !== undefined && (await dir.stat(`objects/${objectPath(id)}`)) !== undefined
    } catch (error) {
      if (isBootcError(error, 'STORE_COMPOSEFS_BROKEN_REF')) return false
      throw error
    }
  }
}
