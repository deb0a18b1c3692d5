import type { OpOptions, ResolvedImage, Warning } from '@bootc-sdk/core'
import { loadLabeler, type Labeler } from '@bootc-sdk/core/selinux'
import { encodeCommit } from '../format/commit.js'
import type { Commit, OstreeRepo, RepoTransaction } from '../repo/api.js'
import { loadTree } from './load-tree.js'
import { imageTimestamp, mergeMetadata, type ImageDocuments } from './merge-commit.js'
import { ObjectPool } from './object-pool.js'
import { overlay } from './overlay.js'
import { Relabeler, withReadableMetas } from './relabel.js'
import { treeOfNodes } from './node-tree.js'
import { directoryAt, walkFiles, whiteoutPrefix, withoutFile, type TreeNode } from './tree-node.js'

/** A derived layer that is in the repository. */
export interface LayerToMerge {
  readonly ref: string
  readonly commit: string
  /** Its tree when it was just imported; else it is read. */
  readonly tree?: TreeNode | undefined
}

export interface MergeInput {
  readonly image: Pick<ResolvedImage, 'manifest' | 'config' | 'manifestDigest'>
  readonly documents: ImageDocuments
  /** Commit of the base image; none where every layer is an ordinary one. */
  readonly base: string | undefined
  /** In manifest order. */
  readonly layers: readonly LayerToMerge[]
  /** Commit time of images that do not tell when they were made. Seconds. */
  readonly nowSeconds: number
}

export interface MergeResult {
  readonly commit: string
  /** Layers that got new labels: new commit by ref. */
  readonly movedLayers: ReadonlyMap<string, string>
  /** Of the policy. */
  readonly warnings: readonly Warning[]
}

/** Files that container tools mount over and leave behind empty. */
const placeholders = ['hostname', 'resolv.conf'] as const

/**
 * Flatten an image into one commit: base, then layer over layer; labels by the policy of the result; layers
 * relabelled likewise. Everything goes into the given transaction.
 *
 * @returns also `pool`, to be told once the transaction is through
 * @see bootc 1.16.9, ostree-ext container/store.rs
 */
export async function mergeImage(
  repo: OstreeRepo,
  transaction: RepoTransaction,
  input: MergeInput,
  options: OpOptions,
): Promise<MergeResult & { readonly pool: ObjectPool }> {
  const pool = new ObjectPool()
  const commits = await Promise.all(input.layers.map(({ commit }) => repo.readCommit(commit)))
  const trees: TreeNode[] = []
  for (const [i, { tree }] of input.layers.entries()) {
    options.signal?.throwIfAborted()
    trees.push(tree ?? (await loadTree(repo, commits[i]!.rootTree, commits[i]!.rootMeta)))
  }
  const base = input.base === undefined ? undefined : await loadCommitTree(repo, input.base)
  const merged = await layOver(repo, base, trees, pool)
  const labeler = await mergedLabeler(repo, input, merged)
  let root = await withoutPlaceholders(repo, merged)
  root = await withReadableMetas(root, repo, pool)
  const movedLayers = new Map<string, string>()
  if (labeler !== undefined) {
    const relabeler = new Relabeler(repo, pool, labeler)
    root = await relabelWith(transaction, relabeler, root, options)
    for (const [i, tree] of trees.entries()) {
      const relabelled = await relabelWith(transaction, relabeler, tree, options)
      const commit = relabelledCommit(pool, commits[i]!, relabelled)
      if (commit !== input.layers[i]!.commit) movedLayers.set(input.layers[i]!.ref, commit)
    }
  }
  const commit = pool.add('commit', encodeCommit(mergeCommit(input, pool.tree(root), root.meta)))
  options.signal?.throwIfAborted()
  await pool.write(transaction)
  return { commit, movedLayers, warnings: labeler?.warnings ?? [], pool }
}

async function loadCommitTree(repo: OstreeRepo, commit: string): Promise<TreeNode> {
  const { rootTree, rootMeta } = await repo.readCommit(commit)
  return loadTree(repo, rootTree, rootMeta)
}

async function layOver(
  repo: OstreeRepo,
  base: TreeNode | undefined,
  layers: readonly TreeNode[],
  pool: ObjectPool,
): Promise<TreeNode> {
  const links = new Set<string>()
  for (const layer of layers) {
    for (const { name, checksum } of walkFiles(layer)) {
      if (!name.startsWith(whiteoutPrefix) || links.has(checksum)) continue
      if ((await repo.fileHeader(checksum)).symlinkTarget !== undefined) links.add(checksum)
    }
  }
  let root = base
  for (const layer of layers) root = overlay(root, layer, (checksum) => links.has(checksum))
  return (
    root ?? {
      meta: pool.dirMeta({ uid: 0, gid: 0, mode: 0o040755, xattrs: [] }),
      files: new Map(),
      dirs: new Map(),
    }
  )
}

/** With ordinary layers the policy of the whole counts, without them that of the base (the same tree). */
async function mergedLabeler(
  repo: OstreeRepo,
  input: MergeInput,
  merged: TreeNode,
): Promise<Labeler | undefined> {
  if (repo.mode === 'bare-user-only') return undefined
  if (input.layers.length === 0 && input.base === undefined) return undefined
  return loadLabeler(treeOfNodes(repo, merged))
}

async function withoutPlaceholders(repo: OstreeRepo, root: TreeNode): Promise<TreeNode> {
  let out = root
  const etc = directoryAt(root, ['usr', 'etc'])
  for (const name of placeholders) {
    const checksum = etc?.files.get(name)
    if (checksum === undefined) continue
    const { symlinkTarget, sizeBytes } = await repo.fileHeader(checksum)
    if (symlinkTarget === undefined && sizeBytes === 0) out = withoutFile(out, ['usr', 'etc', name])
  }
  return out
}

async function relabelWith(
  transaction: RepoTransaction,
  relabeler: Relabeler,
  tree: TreeNode,
  options: OpOptions,
): Promise<TreeNode> {
  const content = transaction.content()
  try {
    return await relabeler.relabel(tree, content, options.signal)
  } finally {
    content.close()
  }
}

function relabelledCommit(pool: ObjectPool, old: Commit, tree: TreeNode): string {
  const { parent: _, ...rest } = old
  return pool.add('commit', encodeCommit({ ...rest, rootTree: pool.tree(tree), rootMeta: tree.meta }))
}

function mergeCommit(input: MergeInput, rootTree: string, rootMeta: string): Commit {
  return {
    metadata: mergeMetadata(input.documents, input.image.manifestDigest),
    ...(input.base === undefined ? {} : { parent: input.base }),
    subject: '',
    body: '',
    timestamp: imageTimestamp(input.image, input.nowSeconds),
    rootTree,
    rootMeta,
  }
}
