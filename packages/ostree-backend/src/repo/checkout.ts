import { BootcError, isBootcError, type Dir, type Meta } from '@bootc-sdk/core'
import { joinPath } from '@bootc-sdk/core/names'
import { invalid, unsupported } from '../format/errors.js'
import type { CheckoutOptions, DirTree, ObjectMeta, OstreeRepo, RepoMode } from './api.js'
import { DirCheckout, linkPath } from './checkout-dir.js'
import { fileFacts, type FileFact } from './checkout-facts.js'
import { NativeCheckoutSink } from './checkout-native.js'
import type { RepoContext } from './context.js'
import { loadTrees, type LoadedTrees } from './load-trees.js'

const whiteout = '.wh.'
const opaque = '.wh..wh..opq'
const passthroughWhiteout = '.ostree-wh.'

/** What walks a plan; directories nest. The first `enter` is the target itself. */
export interface CheckoutSink {
  enter(name: string, meta: Meta, clear: boolean): Promise<void> | void
  leave(): Promise<void> | void
  file(name: string, checksum: string, fact: FileFact, meta: Meta | undefined): Promise<void> | void
  /** A character device 0:0. */
  device(name: string, meta: Meta): Promise<void> | void
  remove(name: string): Promise<void> | void
  finish(): Promise<{ entries: number }>
}

/**
 * Lay a commit out as files.
 *
 * @throws BootcError `STORE_OSTREE_PARTIAL`, `STORE_OSTREE_CHECKOUT_EXISTS`, `STORE_OSTREE_NO_OBJECT`; a new
 *   target is removed again
 */
export async function checkoutCommit(
  repo: OstreeRepo,
  context: RepoContext,
  commit: string,
  target: Dir,
  options: CheckoutOptions,
): Promise<{ entries: number }> {
  const mode = checkoutMode(context.mode, options)
  if (await repo.isPartial(commit)) {
    throw new BootcError('STORE_OSTREE_PARTIAL', `commit ${commit} is not complete`, { details: { commit } })
  }
  const place = await findPlace(repo, commit, options.subpath ?? '')
  const loaded = await loadTrees(repo, 'tree' in place ? [place] : [], options.signal)
  const link = options.forceCopy !== true && (await sameFileSystem(context.dir, target))
  const files = 'tree' in place ? filesOf(loaded) : [place.checksum]
  const fresh = (options.overwrite ?? 'none') === 'none'
  const copyEmpty = fresh && context.mode === 'bare' && mode === 'none'
  const described = options.passthroughWhiteouts === true ? whiteoutsOf(loaded) : new Set<string>()
  const facts = await fileFacts(repo, context, files, { mode, link, copyEmpty, described })
  if (options.hardlinksOnly === true) requireLinks(facts)
  if (fresh && (await target.stat(options.path)) !== undefined) {
    const { path } = options
    throw new BootcError('STORE_OSTREE_CHECKOUT_EXISTS', `${path} exists`, { details: { path } })
  }
  const native = fresh ? NativeCheckoutSink.open(context, target, options) : undefined
  const sink: CheckoutSink = native ?? new DirCheckout(repo, context, target, options)
  const plan = new Plan(loaded, facts, sink, { ...options, mode })
  try {
    if ('tree' in place) await plan.directory('', place.tree, place.meta)
    else await plan.single(place.name, place.checksum)
    return await sink.finish()
  } catch (error) {
    // What somebody else has put there meanwhile is his.
    if (fresh && !isInTheWay(error, options.path)) await target.remove(options.path).catch(() => undefined)
    throw error
  }
}

function isInTheWay(error: unknown, path: string): boolean {
  return (
    (isBootcError(error, 'TREE_EXISTS') || isBootcError(error, 'STORE_OSTREE_CHECKOUT_EXISTS')) &&
    error.details.path === path
  )
}

class Plan {
  readonly #loaded: LoadedTrees
  readonly #facts: ReadonlyMap<string, FileFact>
  readonly #sink: CheckoutSink
  readonly #options: CheckoutOptions & { readonly mode: 'none' | 'user' }

  constructor(
    loaded: LoadedTrees,
    facts: ReadonlyMap<string, FileFact>,
    sink: CheckoutSink,
    options: CheckoutOptions & { readonly mode: 'none' | 'user' },
  ) {
    this.#loaded = loaded
    this.#facts = facts
    this.#sink = sink
    this.#options = options
  }

  async directory(name: string, tree: string, meta: string): Promise<void> {
    this.#options.signal?.throwIfAborted()
    const { files, dirs } = this.#loaded.trees.get(tree)!
    const own = this.#dirMeta(this.#loaded.metas.get(meta)!)
    const clear = this.#options.whiteouts === true && files.some((file) => file.name === opaque)
    // Sinks that only record are synchronous; waiting for them would cost a turn of the loop per entry.
    const entered = this.#sink.enter(
      name,
      this.#options.forceCopy === true ? own : { ...own, mtime: 0 },
      clear,
    )
    if (entered !== undefined) await entered
    await this.#files(files)
    for (const dir of dirs) await this.directory(dir.name, dir.tree, dir.meta)
    const left = this.#sink.leave()
    if (left !== undefined) await left
  }

  /** A file as subpath: alone in a private directory, as `ostree checkout --subpath` has it. */
  async single(name: string, checksum: string): Promise<void> {
    await this.#sink.enter('', { mode: 0o700 }, false)
    await this.#files([{ name, checksum }])
    await this.#sink.leave()
  }

  async #files(files: DirTree['files']): Promise<void> {
    const { whiteouts = false, passthroughWhiteouts = false } = this.#options
    if (whiteouts) {
      for (const { name } of files) {
        if (name === opaque || !name.startsWith(whiteout)) continue
        const victim = name.slice(whiteout.length)
        if (victim === '' || victim === '.' || victim === '..') throw invalid(name, 'whiteout of nothing')
        await this.#sink.remove(victim)
      }
    }
    for (const { name, checksum } of files) {
      if (whiteouts && name.startsWith(whiteout)) continue
      const fact = this.#facts.get(checksum)!
      const meta = fact.kind === 'link' ? undefined : this.#meta(fact.header)
      if (passthroughWhiteouts && name.startsWith(passthroughWhiteout)) {
        const hidden = name.slice(passthroughWhiteout.length)
        if (hidden === '' || hidden === '.' || hidden === '..') throw invalid(name, 'whiteout of nothing')
        await this.#sink.device(hidden, meta ?? { mode: 0o644 })
        continue
      }
      const done = this.#sink.file(name, checksum, fact, meta)
      if (done !== undefined) await done
    }
  }

  #dirMeta(meta: ObjectMeta): Meta {
    return this.#options.mode === 'user' ? { mode: meta.mode & 0o7777 } : this.#meta(meta)
  }

  #meta(meta: ObjectMeta): Meta {
    // Whoever checks out must be able to read, and must not gain programs that run as himself.
    if (this.#options.mode === 'user') return { mode: (meta.mode & 0o1777) | 0o400 }
    return { mode: meta.mode & 0o7777, uid: meta.uid, gid: meta.gid, xattrs: meta.xattrs }
  }
}

function checkoutMode(repoMode: RepoMode, options: CheckoutOptions): 'none' | 'user' {
  // It holds no owners that could be restored.
  if (repoMode === 'bare-user-only') return 'user'
  return options.mode ?? (repoMode === 'bare-user' ? 'user' : 'none')
}

type Place =
  { readonly tree: string; readonly meta: string } | { readonly name: string; readonly checksum: string }

async function findPlace(repo: OstreeRepo, commit: string, subpath: string): Promise<Place> {
  const { rootTree, rootMeta } = await repo.readCommit(commit)
  let at = { tree: rootTree, meta: rootMeta }
  const parts = subpath.split('/').filter((part) => part !== '')
  for (const [index, part] of parts.entries()) {
    const { files, dirs } = await repo.readDirTree(at.tree)
    const dir = dirs.find((entry) => entry.name === part)
    const file = files.find((entry) => entry.name === part)
    if (file !== undefined && index === parts.length - 1) return file
    if (dir === undefined) {
      const path = joinPath(...parts)
      throw new BootcError('TREE_NOT_FOUND', `${path} is not in commit ${commit}`, { details: { path } })
    }
    at = dir
  }
  return at
}

function filesOf({ trees }: LoadedTrees): Set<string> {
  const files = new Set<string>()
  for (const tree of trees.values()) for (const { checksum } of tree.files) files.add(checksum)
  return files
}

/** Files that become devices, with attributes of their own. */
function whiteoutsOf({ trees }: LoadedTrees): Set<string> {
  const files = new Set<string>()
  for (const tree of trees.values()) {
    for (const { name, checksum } of tree.files) if (name.startsWith(passthroughWhiteout)) files.add(checksum)
  }
  return files
}

async function sameFileSystem(repo: Dir, target: Dir): Promise<boolean> {
  if (linkPath(repo) === undefined || linkPath(target) === undefined) return false
  const [from, to] = await Promise.all([repo.stat(''), target.stat('')])
  return from !== undefined && to !== undefined && from.dev === to.dev
}

function requireLinks(facts: ReadonlyMap<string, FileFact>): void {
  for (const [checksum, fact] of facts) {
    if (fact.kind === 'copy') throw unsupported('checkout', `object ${checksum} cannot be hard-linked`)
  }
}
