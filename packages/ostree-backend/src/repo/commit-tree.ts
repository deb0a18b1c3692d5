import type { Bytes, OpOptions, ReadTree } from '@bootc-sdk/core'
import { compareNames } from '@bootc-sdk/core/names'
import { encodeCommit } from '../format/commit.js'
import { invalid } from '../format/errors.js'
import { isCollectionId, parseRefspec } from '../format/names.js'
import type { OstreeRepo, RepoTransaction, VariantDict } from './api.js'
import { addTar, type TarImportOptions } from './add-tar.js'
import { addReadTree } from './add-tree.js'
import { CommitModifier, type ModifierOptions } from './commit-modifier.js'
import { requireRev } from './require-rev.js'
import { TreeBuilder } from './tree-builder.js'

/** One of the trees that are laid over each other: a directory, a tar, or what is stored already. */
export type CommitSource =
  { readonly tree: ReadTree } | ({ readonly tar: Bytes } & TarImportOptions) | { readonly rev: string }

export interface CommitOptions extends OpOptions, ModifierOptions {
  /** Ref to set; also bound into the commit. */
  readonly branch?: string
  /** Default: where `branch` is now. `null`: none. */
  readonly parent?: string | null
  readonly subject?: string
  readonly body?: string
  /** Seconds since the epoch; default now. */
  readonly timestamp?: number
  readonly metadata?: VariantDict
  readonly detached?: VariantDict
  /** Further refs to bind; `[]` with no branch binds none. */
  readonly bindRefs?: readonly string[]
  /** False leaves `ostree.ref-binding` out. */
  readonly bindings?: boolean
}

/**
 * Store trees, later ones over earlier ones, as a commit.
 *
 * Metadata keys come in this order: `options.metadata` as given, `ostree.ref-binding`,
 * `ostree.collection-binding`.
 *
 * @returns checksum of the commit
 */
export async function commitTrees(
  repo: OstreeRepo,
  sources: readonly CommitSource[],
  options: CommitOptions = {},
): Promise<{ commit: string; rootTree: string; rootMeta: string; objects: number; bytes: number }> {
  await using transaction = await repo.begin(options)
  const { rootTree, rootMeta } = await writeTrees(repo, transaction, sources, options)
  const parent = await findParent(repo, options)
  const commit = await transaction.writeMetadata(
    'commit',
    encodeCommit({
      metadata: [...(options.metadata ?? []), ...bindings(repo, options)],
      ...(parent === undefined ? {} : { parent }),
      subject: options.subject ?? '',
      body: options.body ?? '',
      timestamp: options.timestamp ?? Math.floor(Date.now() / 1000),
      rootTree,
      rootMeta,
    }),
  )
  if (options.detached !== undefined) await transaction.writeDetached(commit, options.detached)
  if (options.branch !== undefined) transaction.setRef(options.branch, commit)
  const written = await transaction.commit()
  return { commit, rootTree, rootMeta, ...written }
}

/** The common case: one directory tree. */
export function commitTree(
  repo: OstreeRepo,
  tree: ReadTree,
  options: CommitOptions = {},
): ReturnType<typeof commitTrees> {
  return commitTrees(repo, [{ tree }], options)
}

/** Only the trees, inside a transaction of the caller's. */
export async function writeTrees(
  repo: OstreeRepo,
  transaction: RepoTransaction,
  sources: readonly CommitSource[],
  options: ModifierOptions & OpOptions = {},
): Promise<{ rootTree: string; rootMeta: string }> {
  // A bare-user-only repository cannot hold anything else.
  const forced = repo.mode === 'bare-user-only' ? { canonicalPermissions: true, noXattrs: true } : {}
  const modifier = new CommitModifier({ ...options, ...forced })
  const builder = new TreeBuilder()
  const writer = transaction.content()
  try {
    for (const source of sources) {
      options.signal?.throwIfAborted()
      if ('tree' in source) await addReadTree(builder, source.tree, writer, modifier, options.signal)
      else if ('tar' in source) await addTar(builder, source.tar, writer, modifier, source, options.signal)
      else {
        const { rootTree, rootMeta } = await repo.readCommit(await requireRev(repo, source.rev))
        await builder.addStored(repo, rootTree, rootMeta)
      }
    }
    modifier.finish()
    return await builder.write(transaction, await writer.finish())
  } finally {
    writer.close()
  }
}

async function findParent(repo: OstreeRepo, options: CommitOptions): Promise<string | undefined> {
  if (options.parent === null) return undefined
  if (options.parent !== undefined) return requireRev(repo, options.parent)
  return options.branch === undefined ? undefined : (await repo.listRefs(options.branch)).get(options.branch)
}

function bindings(repo: OstreeRepo, options: CommitOptions): VariantDict {
  if (options.bindings === false) return []
  const { branch, bindRefs = [] } = options
  if (branch === undefined && bindRefs.length === 0) return []
  const refs = new Set([...(branch === undefined ? [] : [parseRefspec(branch).ref]), ...bindRefs])
  const collection = repo.config('core', 'collection-id')
  if (collection !== undefined && !isCollectionId(collection)) {
    throw invalid('config core.collection-id', JSON.stringify(collection))
  }
  return [
    ['ostree.ref-binding', { type: 'as', value: [...refs].sort(compareNames) }],
    ...(collection === undefined
      ? []
      : [['ostree.collection-binding', { type: 's', value: collection }] as const]),
  ]
}
