import { BootcError, isBootcError, type OpOptions } from '@bootc-sdk/core'
import { objectName } from '../format/checksum.js'
import { decodeDirMeta } from '../format/dirmeta.js'
import { decodeDict, lookup } from '../format/variant-dict.js'
import { maxMetadataBytes } from '../format/checksum.js'
import type { Commit, ObjectType, OstreeRepo } from './api.js'
import type { RepoContext } from './context.js'
import { ioConcurrency, mapLimit } from '@bootc-sdk/core/store-kit'
import { readFile } from './io.js'
import { listObjects } from './list-objects.js'
import { lockRepo } from './lock.js'
import { readRefFile, walkRefs } from './ref-files.js'
import { Repo } from './repo.js'
import { unsupported } from '../format/errors.js'
import { verifyFile } from './verify-object.js'

export interface FsckOptions extends OpOptions {
  /** Also check that commits are bound to the refs that name them. */
  readonly bindings?: boolean
  /** Remove damaged objects and mark the commits that need them as partial, so that a pull mends them. */
  readonly repair?: boolean
}

export interface FsckProblem {
  /** An object's file name, or a ref's path. */
  readonly object: string
  readonly message: string
  readonly kind: 'missing' | 'corrupt' | 'ref' | 'binding' | 'unreadable'
}

export interface FsckReport {
  /** Objects that were read again. */
  readonly objects: number
  readonly commits: number
  /** Commits that are known to be incomplete; they are not checked. */
  readonly partial: readonly string[]
  readonly problems: readonly FsckProblem[]
}

/** Check refs and every object that a complete commit needs. Damage is a result, not an error. */
export async function fsckRepo(repo: OstreeRepo, options: FsckOptions = {}): Promise<FsckReport> {
  if (!(repo instanceof Repo)) throw unsupported('fsck', 'not a repository of this package')
  await using _lock = await lockRepo(repo.context, options.repair === true, options)
  return new Fsck(repo, repo.context, options).run()
}

class Fsck {
  readonly #repo: OstreeRepo
  readonly #context: RepoContext
  readonly #options: FsckOptions
  readonly #problems: FsckProblem[] = []
  /** Outcome by object name, so that shared objects are read once. */
  readonly #checked = new Map<string, Promise<boolean>>()
  readonly #trees = new Map<string, boolean>()

  constructor(repo: OstreeRepo, context: RepoContext, options: FsckOptions) {
    this.#repo = repo
    this.#context = context
    this.#options = options
  }

  async run(): Promise<FsckReport> {
    await this.#refs()
    const partial: string[] = []
    const damaged: string[] = []
    let commits = 0
    for (const { type, checksum, name } of await listObjects(this.#context)) {
      this.#options.signal?.throwIfAborted()
      if (type === 'commit') {
        if (await this.#repo.isPartial(checksum)) partial.push(checksum)
        else {
          commits++
          if (!(await this.#commit(checksum))) damaged.push(checksum)
        }
      } else if (type === 'commitmeta' || type === 'tombstone-commit') {
        await this.#check(name, async () => {
          decodeDict((await readFile(this.#repo.dir, `objects/${name}`, maxMetadataBytes))!, name)
        })
      }
    }
    if (this.#options.repair === true) await this.#repair(damaged)
    return { objects: this.#checked.size, commits, partial, problems: this.#problems }
  }

  async #refs(): Promise<void> {
    const { dir } = this.#repo
    for await (const path of walkRefs(dir, 'refs')) {
      const full = `refs/${path}`
      try {
        const commit = await readRefFile(dir, full)
        if (commit === undefined) this.#problem(full, 'ref', 'alias of a ref that does not exist')
        else if (!(await this.#repo.has('commit', commit))) {
          this.#problem(full, 'ref', `names commit ${commit}, which is missing`)
        } else if (this.#options.bindings === true) await this.#binding(full, commit)
      } catch (error) {
        this.#problem(full, 'ref', message(error))
      }
    }
  }

  async #binding(path: string, checksum: string): Promise<void> {
    const commit = await this.#repo.readCommit(checksum)
    const bound = lookup(commit.metadata, 'ostree.ref-binding', 'as')
    const ref = /^refs\/(?:heads|remotes\/[^/]+|mirrors\/[^/]+)\/(.*)$/.exec(path)?.[1]
    if (bound !== undefined && ref !== undefined && !bound.includes(ref)) {
      this.#problem(path, 'binding', `commit ${checksum} is bound to ${bound.join(', ') || 'no ref'}`)
    }
  }

  /** @returns true when everything below is whole */
  async #commit(checksum: string): Promise<boolean> {
    let commit: Commit | undefined
    const sound = await this.#object('commit', checksum, async () => {
      commit = await this.#repo.readCommit(checksum)
    })
    if (!sound || commit === undefined) return false
    const { rootMeta, rootTree } = commit
    const meta = await this.#meta(rootMeta)
    return (await this.#tree(rootTree)) && meta
  }

  async #tree(checksum: string): Promise<boolean> {
    const known = this.#trees.get(checksum)
    if (known !== undefined) return known
    this.#options.signal?.throwIfAborted()
    let tree: Awaited<ReturnType<OstreeRepo['readDirTree']>> | undefined
    let sound = await this.#object('dirtree', checksum, async () => {
      tree = await this.#repo.readDirTree(checksum)
    })
    if (tree !== undefined) {
      const files = await mapLimit(tree.files, ioConcurrency, (file) =>
        this.#object('file', file.checksum, () =>
          verifyFile(this.#repo, file.checksum, this.#options.signal),
        ),
      )
      if (files.includes(false)) sound = false
      for (const dir of tree.dirs) {
        if (!(await this.#meta(dir.meta))) sound = false
        if (!(await this.#tree(dir.tree))) sound = false
      }
    }
    this.#trees.set(checksum, sound)
    return sound
  }

  #meta(checksum: string): Promise<boolean> {
    // Not readDirMeta, which remembers what it has read.
    return this.#object('dirmeta', checksum, async () =>
      decodeDirMeta(await this.#repo.readMetadata('dirmeta', checksum), `${checksum}.dirmeta`),
    )
  }

  #object(type: ObjectType, checksum: string, work: () => Promise<unknown>): Promise<boolean> {
    return this.#check(objectName(type, checksum, this.#repo.mode), work)
  }

  #check(name: string, work: () => Promise<unknown>): Promise<boolean> {
    let outcome = this.#checked.get(name)
    if (outcome === undefined) {
      outcome = this.#attempt(name, work)
      this.#checked.set(name, outcome)
    }
    return outcome
  }

  async #attempt(name: string, work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work()
      return true
    } catch (error) {
      this.#options.signal?.throwIfAborted()
      const kind = isBootcError(error, 'STORE_OSTREE_NO_OBJECT')
        ? 'missing'
        : isBootcError(error, 'STORE_OSTREE_CORRUPT')
          ? 'corrupt'
          : 'unreadable'
      this.#problem(name, kind, message(error))
      return false
    }
  }

  #problem(object: string, kind: FsckProblem['kind'], text: string): void {
    this.#problems.push({ object, kind, message: text })
  }

  async #repair(damaged: readonly string[]): Promise<void> {
    const { dir } = this.#repo
    for (const commit of damaged) {
      // libostree's mark for "fsck said so".
      await dir.write(`state/${commit}.commitpartial`, Buffer.from('f'), { mode: 0o644 })
    }
    await dir.sync()
    for (const { object, kind } of this.#problems) {
      if (kind === 'corrupt' && !object.startsWith('refs/')) await dir.remove(`objects/${object}`)
    }
    await dir.sync()
  }
}

function message(error: unknown): string {
  if (error instanceof BootcError || error instanceof Error) return error.message
  return String(error)
}
