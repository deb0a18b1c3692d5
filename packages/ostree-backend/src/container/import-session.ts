import {
  BootcError,
  type ImportLayer,
  type ImportOptions,
  type ImportSession,
  type LayerTar,
  type OpOptions,
  type ResolvedImage,
  type StoredImage,
  type Warning,
} from '@bootc-sdk/core'
import type { OstreeRepo } from '../repo/api.js'
import { loadBaseRules, type BaseRules } from './base-policy.js'
import { findKnownLayers } from './known-layers.js'
import { classifyLayers, type LayerKind } from './layer-kinds.js'
import { recordLayer } from './layer-records.js'
import { keepDocuments } from './document-files.js'
import { droppedWarning } from './dropped-warning.js'
import { imageDocuments, type ImageDocuments } from './merge-commit.js'
import { mergeImage } from './merge-image.js'
import { layerRefPrefix } from './names.js'
import { putDerivedLayer } from './put-derived.js'
import { putOstreeLayer } from './put-ostree.js'
import { imageRef, layerRef } from './ref-escape.js'
import { imageFacts, storedImage } from './stored-image.js'
import { countEntries, type TreeNode } from './tree-node.js'
import {
  checkStoredCommit,
  imageCommitCheck,
  notFromCommit,
  type ImageCommitCheck,
} from '../trust/image-commit.js'
import type { TrustOptions } from '../trust/remote-verifier.js'

/** Entries of layers that may wait in memory for the merge (about 100 bytes each); more is read back. */
const maxCachedEntries = 300_000

interface LayerState {
  readonly kind: LayerKind
  /** Was in the repository before. */
  readonly cached: boolean
  commit: string | undefined
  tree?: TreeNode
}

/** @throws BootcError `IMAGE_LAYOUT` */
export async function beginImport(
  repo: OstreeRepo,
  image: ResolvedImage,
  options: ImportOptions,
  trust: TrustOptions = {},
): Promise<ImportSession> {
  const kinds = classifyLayers(image.manifest, image.config)
  const documents = imageDocuments(image)
  const known = await findKnownLayers(repo, image, kinds)
  const { ostreeRemote } = options
  if (ostreeRemote === undefined)
    return new OstreeImportSession(repo, image, documents, options, kinds, known)
  const check = await imageCommitCheck(repo, ostreeRemote, trust)
  if (kinds[0] !== 'commit') throw notFromCommit(image.manifestDigest, ostreeRemote)
  // It may have come without being verified.
  if (known[0] !== undefined) await checkStoredCommit(repo, known[0], check)
  return new OstreeImportSession(repo, image, documents, options, kinds, known, check)
}

class OstreeImportSession implements ImportSession {
  readonly layers: readonly ImportLayer[]
  readonly #repo: OstreeRepo
  readonly #image: ResolvedImage
  readonly #documents: ImageDocuments
  readonly #options: ImportOptions
  readonly #states: readonly LayerState[]
  readonly #dropped = new Map<string, number>()
  #cachedEntries = 0
  readonly #check: ImageCommitCheck | undefined
  #baseRules: Promise<BaseRules> | undefined
  #closed = false

  constructor(
    repo: OstreeRepo,
    image: ResolvedImage,
    documents: ImageDocuments,
    options: ImportOptions,
    kinds: readonly LayerKind[],
    known: readonly (string | undefined)[],
    check?: ImageCommitCheck,
  ) {
    this.#check = check
    this.#repo = repo
    this.#image = image
    this.#documents = documents
    this.#options = options
    this.#states = kinds.map((kind, i) => ({ kind, cached: known[i] !== undefined, commit: known[i] }))
    this.layers = image.manifest.layers.map((descriptor, i) => ({
      descriptor,
      diffId: image.config.rootfs.diff_ids[i]!,
      // One import serves all occurrences of a layer.
      present: known[i] !== undefined || this.firstIndex(i) !== i,
      after: this.prerequisites(i),
    }))
  }

  async putLayer(index: number, tar: LayerTar, options: OpOptions = {}): Promise<void> {
    const state = this.#states[index]
    const layer = this.layers[index]
    if (this.#closed || state === undefined || layer === undefined) {
      throw new BootcError('IMAGE_IMPORT_STATE', `layer ${index} cannot be put into this import`, {
        details: { index, closed: this.#closed },
      })
    }
    const missing = layer.after.find((i) => this.#states[i]!.commit === undefined)
    if (missing !== undefined) {
      throw new BootcError('IMAGE_IMPORT_STATE', `layer ${index} needs layer ${missing} first`, {
        details: { index, missing },
      })
    }
    const run = { ...this.inherited(), ...options }
    const { digest } = layer.descriptor
    if (state.kind === 'derived') {
      const same = this.#states.filter((_, i) => this.layers[i]!.descriptor.digest === digest)
      const { allowNonUsr, labeler } = await this.baseRules()
      const { commit, tree, dropped } = await putDerivedLayer(
        this.#repo,
        { digest, tar, allowNonUsr, labeler, timestamp: this.nowSeconds(), occurrences: same.length },
        run,
      )
      for (const each of same) each.commit = commit
      for (const [name, count] of dropped) this.#dropped.set(name, (this.#dropped.get(name) ?? 0) + count)
      this.remember(same, tree)
    } else {
      const components = this.#states.flatMap(({ kind, commit }) =>
        kind === 'component' && commit !== undefined ? [commit] : [],
      )
      const input = { digest, tar, kind: state.kind, components, check: this.#check }
      state.commit = await putOstreeLayer(this.#repo, input, run)
    }
    // Its stream ends with an error unless the bytes are those of both.
    await recordLayer(this.#repo, digest, layer.diffId)
  }

  async commit(options: OpOptions = {}): Promise<{ image: StoredImage; warnings: readonly Warning[] }> {
    const missing = this.#states.findIndex(({ commit }) => commit === undefined)
    if (this.#closed || missing >= 0) {
      throw new BootcError('IMAGE_IMPORT_STATE', `layer ${missing} of the image is not there yet`, {
        details: { missing, closed: this.#closed },
      })
    }
    const { id, warnings } = await this.merge({ ...this.inherited(), ...options })
    const image = await this.result(id)
    this.#closed = true
    return { image, warnings: [...droppedWarning(this.#dropped), ...warnings] }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    for (const state of this.#states) delete state.tree
    return Promise.resolve()
  }

  private async merge(options: OpOptions): Promise<{ id: string; warnings: readonly Warning[] }> {
    await using transaction = await this.#repo.begin(options)
    const derived = this.#states.flatMap(({ kind, commit, tree }, i) =>
      kind === 'derived' ? [{ ref: layerRef(this.layers[i]!.descriptor.digest), commit: commit!, tree }] : [],
    )
    const { commit, movedLayers, pool, warnings } = await mergeImage(
      this.#repo,
      transaction,
      {
        image: this.#image,
        documents: this.#documents,
        base: this.base(),
        layers: derived,
        nowSeconds: this.nowSeconds(),
      },
      options,
    )
    const refs = await this.#repo.listRefs(layerRefPrefix)
    for (const [i, { commit: layerCommit }] of this.#states.entries()) {
      const ref = layerRef(this.layers[i]!.descriptor.digest)
      // Known by its diffId only, or the ref was taken away meanwhile.
      if (refs.get(ref) !== layerCommit) transaction.setRef(ref, layerCommit)
    }
    for (const [ref, moved] of movedLayers) transaction.setRef(ref, moved)
    const { target, unnamed } = this.#options
    if (unnamed !== true) transaction.setRef(imageRef(target ?? this.#image.reference), commit)
    options.signal?.throwIfAborted()
    await transaction.commit()
    pool.committed()
    await keepDocuments(this.#repo, this.#image)
    return { id: commit, warnings }
  }

  private async result(id: string): Promise<StoredImage> {
    const facts = imageFacts(await this.#repo.readCommit(id), id)!
    const { target, unnamed } = this.#options
    const reference = unnamed === true ? undefined : (target ?? this.#image.reference)
    const image = storedImage(id, facts, await this.#repo.listRefs(layerRefPrefix), reference, undefined)
    return {
      ...image,
      layers: image.layers.map((layer, i) => ({ ...layer, cached: this.#states[i]!.cached })),
    }
  }

  /** Layers that must be complete before layer `i`: content before its commit, a base before what lies on it. */
  private prerequisites(i: number): number[] {
    const { kind } = this.#states[i]!
    if (kind === 'component') return []
    return this.#states.flatMap((state, j) => {
      const needed = kind === 'commit' ? state.kind === 'component' : state.kind !== 'derived'
      return needed && !state.cached ? [j] : []
    })
  }

  private firstIndex(i: number): number {
    const { layers } = this.#image.manifest
    const { kind } = this.#states[i]!
    if (kind !== 'derived') return i
    return layers.findIndex(({ digest }, j) => digest === layers[i]!.digest && this.#states[j]!.kind === kind)
  }

  private base(): string | undefined {
    const first = this.#states[0]
    return first?.kind === 'commit' ? first.commit : undefined
  }

  /** What the base decides about ordinary layers; asked once the base is complete. */
  private baseRules(): Promise<BaseRules> {
    this.#baseRules ??= loadBaseRules(this.#repo, this.base(), this.#options.policyFrom?.id).catch(
      (error: unknown) => {
        this.#baseRules = undefined
        throw error
      },
    )
    return this.#baseRules
  }

  private remember(states: readonly LayerState[], tree: TreeNode): void {
    const count = countEntries(tree, maxCachedEntries)
    if (this.#cachedEntries + count > maxCachedEntries) return
    this.#cachedEntries += count
    for (const state of states) state.tree = tree
  }

  private inherited(): OpOptions {
    const { signal, onProgress } = this.#options
    return { signal, onProgress }
  }

  private nowSeconds(): number {
    return this.#options.timestamp ?? Math.floor(Date.now() / 1000)
  }
}
