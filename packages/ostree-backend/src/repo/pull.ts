import { BootcError, type OpOptions, type Warning } from '@bootc-sdk/core'
import { decodeCommit } from '../format/commit.js'
import { invalid, unsupported } from '../format/errors.js'
import { isChecksum } from '../format/checksum.js'
import type { ApplyDeltaResult } from '../delta/apply.js'
import { lookup } from '../format/variant-dict.js'
import type { Commit, OstreeRepo, VariantDict } from './api.js'
import { noObject } from './errors.js'
import { ObjectPuller } from './pull-objects.js'
import { localSource, type PullSource } from './pull-source.js'
import { Repo } from './repo.js'

export interface PullOptions extends OpOptions {
  /** `false`: fetch objects one by one even where there is a static delta. */
  readonly staticDeltas?: boolean
  /** Parents to fetch: 0 none (default), −1 all. */
  readonly depth?: number
}

export interface PullResult {
  /** Commit by ref as stored here (`remote:ref`, `ref`), or by itself. */
  readonly commits: ReadonlyMap<string, string>
  /** Objects that are new. */
  readonly objects: number
  readonly bytes: number
  /** Static deltas that were applied; their objects and bytes are not in the numbers above. */
  readonly deltas: readonly ApplyDeltaResult[]
  /** A delta that could not be used: objects were fetched one by one instead. */
  readonly warnings: readonly Warning[]
}

/** One thing to fetch. */
export interface PullTarget {
  readonly commit: string
  /** Name to store it under here. */
  readonly ref?: string
  /** Name the source gave it, which the commit must be bound to. */
  readonly boundRef?: string
}

/** Decides whether a fetched commit is good; runs before anything of it is stored. */
export type CommitCheck = (
  checksum: string,
  bytes: Uint8Array,
  detached: VariantDict | undefined,
) => Promise<void>

/**
 * Copy commits from a repository on the same machine.
 *
 * @param options.refs refs or checksums in the source; default all its heads
 * @param options.remote store refs as `remote:ref`
 * @param options.untrusted read and verify every object instead of linking those of the same mode
 */
export async function pullLocal(
  repo: OstreeRepo,
  source: OstreeRepo,
  options: PullOptions & {
    readonly refs?: readonly string[]
    readonly remote?: string
    readonly untrusted?: boolean
    /** Decides about every commit; nothing is stored before (`openRemoteVerifier`). */
    readonly check?: CommitCheck
  } = {},
): Promise<PullResult> {
  const heads = [...(await source.listRefs()).keys()].filter((ref) => !ref.includes(':'))
  const targets: PullTarget[] = []
  for (const ref of options.refs ?? heads) {
    const commit = await source.resolveRev(ref)
    if (commit === undefined) {
      throw new BootcError('STORE_OSTREE_NO_REV', `revision ${ref} does not exist in the source`, {
        details: { rev: ref },
      })
    }
    if (isChecksum(ref)) targets.push({ commit })
    else targets.push({ commit, ref: options.remote === undefined ? ref : `${options.remote}:${ref}` })
  }
  const trusted = options.untrusted !== true && (await onOneFileSystem(repo, source))
  return pullTargets(repo, localSource(source, trusted), targets, options.check, options)
}

async function onOneFileSystem(a: OstreeRepo, b: OstreeRepo): Promise<boolean> {
  if (a.dir.hostPath === undefined || b.dir.hostPath === undefined) return false
  const [x, y] = [await a.dir.stat('objects'), await b.dir.stat('objects')]
  return x !== undefined && y !== undefined && x.dev === y.dev
}

/** Fetch, verify, store; then set refs. What was fetched before a failure stays for the next try. */
export async function pullTargets(
  repo: OstreeRepo,
  source: PullSource,
  targets: readonly PullTarget[],
  check: CommitCheck | undefined,
  options: PullOptions & { readonly collectionId?: string },
): Promise<PullResult> {
  if (!(repo instanceof Repo)) throw unsupported('pull', 'not a repository of this package')
  if (source.mode === 'bare-split-xattrs' && source.file === undefined) {
    throw invalid(`pull from ${source.name}`, `mode ${source.mode}`)
  }
  const puller = new ObjectPuller(repo, source, options)
  try {
    const done: string[] = []
    const deltas: ApplyDeltaResult[] = []
    const warnings: Warning[] = []
    // Every commit is seen to be good before the first object of any is stored.
    const fetched = await fetchCommits(repo, puller, source, targets, check, options)
    for (const [commit, { bytes, commit: decoded }] of fetched) {
      if (bytes === undefined) continue
      await useDelta({ repo, puller, source, deltas, warnings }, commit, options)
      await puller.pull(commit, bytes, decoded)
      done.push(commit)
    }
    await puller.flush(async (transaction) => {
      for (const [commit, { detached }] of fetched) {
        if (detached !== undefined) await transaction.writeDetached(commit, detached)
      }
      for (const commit of done) await transaction.markPartial(commit, false)
      for (const { ref, commit } of targets) if (ref !== undefined) transaction.setRef(ref, commit)
    })
    return {
      commits: new Map(targets.map(({ ref, commit }) => [ref ?? commit, commit])),
      objects: puller.stats.objects,
      bytes: puller.stats.bytes,
      deltas,
      warnings,
    }
  } finally {
    await puller.close()
  }
}

/** Targets and as many of their parents as are asked for, in that order. */
async function fetchCommits(
  repo: OstreeRepo,
  puller: ObjectPuller,
  source: PullSource,
  targets: readonly PullTarget[],
  check: CommitCheck | undefined,
  options: PullOptions & { readonly collectionId?: string },
): Promise<Map<string, Fetched>> {
  const all = new Map<string, Fetched>()
  for (const target of targets) {
    let at: string | undefined = target.commit
    for (let left = options.depth ?? 0; at !== undefined; left--) {
      options.signal?.throwIfAborted()
      const found: Fetched | undefined = all.get(at) ?? (await fetchCommit(repo, puller, source, at, check))
      if (found === undefined) {
        // History may end early; what was asked for may not.
        if (at !== target.commit) break
        throw noObject(`${at}.commit from ${source.name}`)
      }
      if (at === target.commit) checkBindings(at, found.commit, target.boundRef, options.collectionId)
      all.set(at, found)
      if (left === 0) break
      at = found.commit.parent
    }
  }
  return all
}

async function useDelta(
  use: {
    readonly repo: Repo
    readonly puller: ObjectPuller
    readonly source: PullSource
    readonly deltas: ApplyDeltaResult[]
    readonly warnings: Warning[]
  },
  commit: string,
  options: PullOptions,
): Promise<void> {
  const { repo, puller, source, deltas, warnings } = use
  // Files of archives are compressed, and a delta would have to be taken from what they are made of.
  if (source.delta === undefined || options.staticDeltas === false || repo.mode === 'archive') return
  const { applied, problem } = await source.delta(repo, commit, options)
  if (applied !== undefined) {
    deltas.push(applied)
    puller.forgetExisting()
  }
  if (problem !== undefined) {
    const message = `objects of ${commit} are fetched one by one: ${problem}`
    warnings.push({ code: 'ostree:delta', message, details: { commit, problem } })
  }
}

interface Fetched {
  readonly commit: Commit
  /** Undefined when the commit is complete here already. */
  readonly bytes: Uint8Array | undefined
  readonly detached: VariantDict | undefined
}

async function fetchCommit(
  repo: OstreeRepo,
  puller: ObjectPuller,
  source: PullSource,
  checksum: string,
  check: CommitCheck | undefined,
): Promise<Fetched | undefined> {
  const complete = (await repo.has('commit', checksum)) && !(await repo.isPartial(checksum))
  const detached = await source.detached(checksum)
  const bytes = complete ? await repo.readMetadata('commit', checksum) : await puller.commitBytes(checksum)
  if (bytes === undefined) return undefined
  const commit = decodeCommit(bytes, `${checksum}.commit from ${source.name}`)
  // What the source has lost may still be here.
  await check?.(checksum, bytes, detached ?? (await repo.readDetached(checksum)))
  return { commit, bytes: complete ? undefined : bytes, detached }
}

/** A commit says which refs and which collection it may be served as; a mirror must not rename it. */
function checkBindings(
  checksum: string,
  commit: Commit,
  ref: string | undefined,
  collectionId: string | undefined,
): void {
  if (ref === undefined) return
  const bound = lookup(commit.metadata, 'ostree.ref-binding', 'as')
  const collection = lookup(commit.metadata, 'ostree.collection-binding', 's')
  const wrongCollection = collectionId !== undefined && collection !== collectionId
  if (
    (bound !== undefined && !bound.includes(ref)) ||
    (collectionId !== undefined && bound === undefined) ||
    wrongCollection
  ) {
    throw new BootcError('STORE_OSTREE_BINDING', `commit ${checksum} is not bound to ref ${ref}`, {
      details: { commit: checksum, ref },
    })
  }
}
