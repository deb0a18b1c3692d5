import type { Digest, LayerTar, OpOptions } from '@bootc-sdk/core'
import type { Labeler } from '@bootc-sdk/core/selinux'
import { encodeCommit } from '../format/commit.js'
import type { OstreeRepo } from '../repo/api.js'
import { DerivedLayerReader } from './derived-layer.js'
import { layerCommit } from './merge-commit.js'
import { ObjectPool } from './object-pool.js'
import { pumpLayer } from './pump.js'
import { layerRef } from './ref-escape.js'
import type { TreeNode } from './tree-node.js'

export interface DerivedLayerInput {
  readonly digest: Digest
  readonly tar: LayerTar
  readonly allowNonUsr: boolean
  readonly labeler: Labeler | undefined
  /** Seconds since the epoch. */
  readonly timestamp: number
  /**
   * How often the image has this layer. Each occurrence is a commit of its own with the one before as parent,
   * as if it had been imported that often.
   */
  readonly occurrences: number
}

export interface DerivedLayerResult {
  readonly commit: string
  readonly tree: TreeNode
  /** Names of dropped paths with their numbers. */
  readonly dropped: ReadonlyMap<string, number>
}

/** Import an ordinary layer in one transaction and file it under its digest. */
export async function putDerivedLayer(
  repo: OstreeRepo,
  input: DerivedLayerInput,
  options: OpOptions,
): Promise<DerivedLayerResult> {
  await using transaction = await repo.begin(options)
  const content = transaction.content()
  try {
    const pool = new ObjectPool()
    const reader = new DerivedLayerReader({
      content,
      pool,
      allowNonUsr: input.allowNonUsr,
      labeler: input.labeler,
      canonical: repo.mode === 'bare-user-only',
    })
    await pumpLayer(input.tar, reader, content, {
      ...options,
      id: input.digest,
      entries: () => reader.entries,
    })
    const tree = reader.finish(await content.finish())
    const rootTree = pool.tree(tree)
    let commit: string | undefined
    for (let i = 0; i < input.occurrences; i++) {
      commit = pool.add('commit', encodeCommit(layerCommit(rootTree, tree.meta, input.timestamp, commit)))
    }
    await pool.write(transaction)
    options.signal?.throwIfAborted()
    transaction.setRef(layerRef(input.digest), commit)
    await transaction.commit()
    pool.committed()
    return { commit: commit!, tree, dropped: reader.dropped }
  } finally {
    content.close()
  }
}
