import { isBootcError } from '@bootc-sdk/core'
import { maxImageBytes } from '../format/erofs/max-image.js'
import { readErofs } from '../format/erofs/read.js'
import type { ObjectId } from '../format/types.js'
import type { RepoContext } from './context.js'
import { listNames } from './io.js'
import { isObjectId, readObjectLink, readRefLink, type LinkKind } from './links.js'
import type { ObjectStore } from './object-store.js'
import type { Problems } from './problems.js'
import { walkRefs } from './refs.js'
import { RepoSplitstream } from './splitstream-reader.js'
import { isForeignLink } from './staging.js'

export interface GcRoots {
  readonly images?: Iterable<ObjectId>
  readonly streams?: Iterable<string>
}

export interface Liveness {
  readonly live: ReadonlySet<ObjectId>
  /** Entries of images/ and streams/ that lead to an object, by name. */
  readonly entries: Readonly<Record<LinkKind, ReadonlyMap<string, ObjectId>>>
  /** References to nothing. */
  readonly dangling: readonly string[]
  /** True when something that is alive could not be read: what it needs is not known. */
  readonly uncertain: boolean
}

/**
 * Everything that references and roots need (composefs.md 4.5): an image and the objects of its files; a
 * stream, its object references, its named references, and what those that are streams themselves need.
 */
export async function findLive(
  context: RepoContext,
  store: ObjectStore,
  roots: GcRoots,
  problems: Problems,
  signal: AbortSignal | undefined,
): Promise<Liveness> {
  const walk = new Walk(context, store, problems, signal)
  return walk.run(roots)
}

class Walk {
  readonly #context: RepoContext
  readonly #store: ObjectStore
  readonly #problems: Problems
  readonly #signal: AbortSignal | undefined
  readonly #live = new Set<ObjectId>()
  readonly #walked = new Set<ObjectId>()
  readonly #dangling: string[] = []
  #uncertain = false

  constructor(context: RepoContext, store: ObjectStore, problems: Problems, signal: AbortSignal | undefined) {
    this.#context = context
    this.#store = store
    this.#problems = problems
    this.#signal = signal
  }

  async run(roots: GcRoots): Promise<Liveness> {
    const images = await this.#entries('images')
    const streams = await this.#entries('streams')
    const isStream = new Set(streams.values())
    for (const name of [...(await this.#refs('images', images)), ...(roots.images ?? [])]) {
      await this.#image(name, images)
    }
    const queue: ObjectId[] = []
    for (const name of await this.#refs('streams', streams)) queue.push(streams.get(name)!)
    for (const name of roots.streams ?? []) {
      const id = streams.get(name)
      if (id !== undefined) queue.push(id)
      else this.#problems.add('broken-symlink', `streams/${name}`, 'is to be kept and is not there')
    }
    for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
      for (const next of await this.#stream(id)) if (isStream.has(next)) queue.push(next)
    }
    return {
      live: this.#live,
      entries: { images, streams },
      dangling: this.#dangling,
      uncertain: this.#uncertain,
    }
  }

  async #entries(kind: LinkKind): Promise<Map<string, ObjectId>> {
    const { dir, meta } = this.#context
    const entries = new Map<string, ObjectId>()
    for (const name of await listNames(dir, kind)) {
      if (name === 'refs' || isForeignLink(name)) continue
      const path = `${kind}/${name}`
      try {
        const id = await readObjectLink(dir, path, meta.algorithm)
        if (id !== undefined) entries.set(name, id)
      } catch (error) {
        if (!isBootcError(error, 'STORE_COMPOSEFS_BROKEN_REF')) throw error
        const isLink = (await dir.stat(path))?.type === 'symlink'
        this.#problems.add(isLink ? 'broken-symlink' : 'entry-not-symlink', path, error.details.reason)
      }
    }
    return entries
  }

  /** Names of entries that references keep. */
  async #refs(kind: LinkKind, entries: ReadonlyMap<string, ObjectId>): Promise<Set<string>> {
    const { dir } = this.#context
    const names = new Set<string>()
    for await (const { name, type } of walkRefs(dir, kind)) {
      const path = `${kind}/refs/${name}`
      if (type !== 'symlink') {
        this.#problems.add('unexpected-file-type', path, type)
        continue
      }
      const target = await readRefLink(dir, path).catch((error: unknown) => {
        if (isBootcError(error, 'STORE_COMPOSEFS_BROKEN_REF')) return undefined
        throw error
      })
      if (target !== undefined && entries.has(target)) {
        names.add(target)
        continue
      }
      this.#problems.add('broken-symlink', path)
      const there = target !== undefined && (await dir.stat(`${kind}/${target}`)) !== undefined
      // An entry that is no link to an object may be a damaged one, and nobody knows what it needed.
      if (there) this.#uncertain = true
      else this.#dangling.push(path)
    }
    return names
  }

  async #image(name: string, images: ReadonlyMap<string, ObjectId>): Promise<void> {
    // A root that has lost its link may be booted all the same.
    const id = images.get(name) ?? (isObjectId(name, this.#context.meta.algorithm) ? name : undefined)
    if (id === undefined) {
      this.#problems.add('broken-symlink', `images/${name}`, 'is to be kept and is not there')
      return
    }
    if (this.#walked.has(id)) return
    this.#signal?.throwIfAborted()
    this.#walked.add(id)
    this.#live.add(id)
    try {
      const image = readErofs(await this.#store.read(id, maxImageBytes))
      for (const { digest } of image.objects()) this.#live.add(digest)
    } catch (error) {
      if (isBootcError(error, 'STORE_COMPOSEFS_NO_OBJECT') && !images.has(name)) {
        this.#problems.add('image-open-failed', `images/${name}`, 'is to be kept and is not there')
        return
      }
      this.#problems.addError('image-open-failed', `images/${name}`, error)
      this.#uncertain = true
    }
  }

  /** @returns the named references */
  async #stream(id: ObjectId): Promise<readonly ObjectId[]> {
    if (this.#walked.has(id)) return []
    this.#signal?.throwIfAborted()
    this.#walked.add(id)
    this.#live.add(id)
    try {
      // A flipped bit in a list of references would cost an object its life.
      await this.#store.verify(id)
      const stream = await RepoSplitstream.open(this.#context, this.#store, id)
      for (const object of stream.objectRefs) this.#live.add(object)
      // All of them: one without a name can be live for a reader that we do not know.
      for (const object of stream.streamRefs) this.#live.add(object)
      return stream.streamRefs
    } catch (error) {
      this.#problems.addError('stream-open-failed', `objects/${id.slice(0, 2)}/${id.slice(2)}`, error)
      this.#uncertain = true
      return []
    }
  }
}
