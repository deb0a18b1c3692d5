import type { Digest, LayerTar, OpOptions } from '@bootc-sdk/core'
import { compareNames } from '@bootc-sdk/core/names'
import { decodeCommit, encodeCommit } from '../format/commit.js'
import { decodeDirTree, encodeDirTree } from '../format/dirtree.js'
import { decodeDict } from '../format/variant-dict.js'
import type { Commit, DirTree, OstreeRepo, RepoTransaction } from '../repo/api.js'
import type { ImageCommitCheck } from '../trust/image-commit.js'
import { ostreeLayer } from './errors.js'
import { ObjectPool } from './object-pool.js'
import { OstreeLayerReader, type MetadataObject } from './ostree-layer.js'
import { pumpLayer } from './pump.js'
import { layerRef } from './ref-escape.js'

export interface OstreeLayerInput {
  readonly digest: Digest
  readonly tar: LayerTar
  readonly kind: 'commit' | 'component'
  /** Commits of component layers, which hold the content of a commit layer. */
  readonly components: readonly string[]
  /** Judges the commit of a commit layer, before the rest of the layer is taken. */
  readonly check?: ImageCommitCheck | undefined
}

/** Import a layer made from an OSTree commit in one transaction and file it under its digest. */
export async function putOstreeLayer(
  repo: OstreeRepo,
  input: OstreeLayerInput,
  options: OpOptions,
): Promise<string> {
  await using transaction = await repo.begin(options)
  const content = transaction.content()
  try {
    const reader = new OstreeLayerReader(content, input.kind)
    const metadata = new LayerMetadata(transaction)
    let isChecked = input.kind !== 'commit' || input.check === undefined
    const checkCommit = async () => {
      const { commit, detached } = reader
      if (isChecked || commit === undefined || metadata.commitBytes === undefined) return
      isChecked = true
      const dict = detached === undefined ? undefined : decodeDict(detached, `${commit}.commitmeta`)
      await input.check?.(commit, metadata.commitBytes, dict)
    }
    await pumpLayer(input.tar, reader, content, {
      ...options,
      id: input.digest,
      entries: () => reader.entries,
      flush: async () => {
        await metadata.write(reader.pending.splice(0))
        // Signatures come directly after the commit, if there are any.
        if (reader.entries > 2) await checkCommit()
      },
    })
    await metadata.write(reader.pending.splice(0))
    await checkCommit()
    reader.verify(await content.finish())
    const commit =
      input.kind === 'component'
        ? await writeComponent(transaction, reader.expected)
        : await finishCommit(repo, transaction, reader, metadata, input.components)
    options.signal?.throwIfAborted()
    transaction.setRef(layerRef(input.digest), commit)
    await transaction.commit()
    return commit
  } finally {
    content.close()
  }
}

/** Writes metadata objects as they come and remembers what the tree is made of. */
class LayerMetadata {
  readonly #transaction: RepoTransaction
  readonly trees = new Map<string, DirTree>()
  readonly metas = new Set<string>()
  commit: Commit | undefined
  commitBytes: Uint8Array | undefined

  constructor(transaction: RepoTransaction) {
    this.#transaction = transaction
  }

  async write(objects: readonly MetadataObject[]): Promise<void> {
    if (objects.length === 0) return
    const checksums = await this.#transaction.writeMetadataBatch(objects)
    objects.forEach(({ type, bytes, checksum, entry }, i) => {
      if (checksums[i] !== checksum) throw ostreeLayer(entry, `object has checksum ${checksums[i]}`)
      if (type === 'commit') {
        this.commit = decodeCommit(bytes, entry)
        this.commitBytes = bytes
      } else if (type === 'dirmeta') this.metas.add(checksum)
      else this.trees.set(checksum, decodeDirTree(bytes, entry))
    })
  }
}

async function finishCommit(
  repo: OstreeRepo,
  transaction: RepoTransaction,
  reader: OstreeLayerReader,
  metadata: LayerMetadata,
  components: readonly string[],
): Promise<string> {
  const { commit: checksum, detached } = reader
  if (checksum === undefined || metadata.commit === undefined) {
    throw ostreeLayer('', 'layer holds no commit')
  }
  await checkComplete(repo, reader, metadata, metadata.commit, components)
  if (detached !== undefined) {
    await transaction.writeDetached(checksum, decodeDict(detached, `${checksum}.commitmeta`))
  }
  return checksum
}

/** Every object the commit needs is in this layer, in a component layer or in the repository. */
async function checkComplete(
  repo: OstreeRepo,
  reader: OstreeLayerReader,
  metadata: LayerMetadata,
  commit: Commit,
  components: readonly string[],
): Promise<void> {
  const contents = new Set(reader.expected)
  for (const component of components) {
    const { rootTree } = await repo.readCommit(component)
    // Each is named by its checksum; another commit that was taken for such a layer may say anything.
    for (const { checksum } of (await repo.readDirTree(rootTree)).files) contents.add(checksum)
  }
  const missing = (object: string): Error => ostreeLayer(object, 'is needed by the commit and in no layer')
  const seen = new Set<string>()
  const needMeta = async (meta: string): Promise<void> => {
    if (metadata.metas.has(meta)) return
    if (!(await repo.has('dirmeta', meta))) throw missing(`${meta}.dirmeta`)
    metadata.metas.add(meta)
  }
  await needMeta(commit.rootMeta)
  const queue = [commit.rootTree]
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    if (seen.has(next)) continue
    seen.add(next)
    let tree = metadata.trees.get(next)
    if (tree === undefined) {
      if (!(await repo.has('dirtree', next))) throw missing(`${next}.dirtree`)
      tree = await repo.readDirTree(next)
    }
    for (const { checksum } of tree.files) {
      if (contents.has(checksum)) continue
      if (!(await repo.has('file', checksum))) throw missing(`${checksum}.file`)
      contents.add(checksum)
    }
    for (const dir of tree.dirs) {
      await needMeta(dir.meta)
      queue.push(dir.tree)
    }
  }
}

/** A component layer's commit: all its objects in one directory, each named by its checksum; no times. */
async function writeComponent(transaction: RepoTransaction, objects: readonly string[]): Promise<string> {
  const pool = new ObjectPool()
  const files = objects.map((checksum) => ({ name: checksum, checksum }))
  files.sort((a, b) => compareNames(a.name, b.name))
  const rootTree = pool.add('dirtree', encodeDirTree({ files, dirs: [] }))
  const rootMeta = pool.dirMeta({ uid: 0, gid: 0, mode: 0o040755, xattrs: [] })
  const commit = pool.add(
    'commit',
    encodeCommit({ metadata: [], subject: '', body: '', timestamp: 0, rootTree, rootMeta }),
  )
  await pool.write(transaction)
  return commit
}
