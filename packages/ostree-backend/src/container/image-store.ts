import type {
  CachedUpdate,
  Digest,
  FsckResult,
  ImageDocuments,
  ImageReference,
  ImageStore,
  ImportOptions,
  ImportSession,
  OpOptions,
  PruneResult,
  ReadTree,
  ResolvedImage,
  StoredImage,
} from '@bootc-sdk/core'
import { isBootcError } from '@bootc-sdk/core'
import type { OstreeRepo, VariantDict } from '../repo/api.js'
import { unusedLayerRefs } from './collect-layers.js'
import { pruneDocuments, readDocuments } from './document-files.js'
import { freeBytesAfterReserve } from './free-space.js'
import { pruneRecords } from './layer-records.js'
import { imageDocuments } from './merge-commit.js'
import {
  cachedConfigKey,
  cachedManifestDigestKey,
  cachedManifestKey,
  imageRefPrefix,
  layerRefPrefix,
  layerRootPrefixes,
} from './names.js'
import { imageRef } from './ref-escape.js'
import { readImage, referenceOfRef } from './stored-image.js'
import type { TrustOptions } from '../trust/remote-verifier.js'

export interface OstreeImageStoreOptions {
  /** Commits that must survive `prune` besides refs: those of deployments on disk. */
  readonly roots?: () => Promise<readonly string[]>
  /** What verification by the keys of a remote needs (`ostree-remote-image:`). */
  readonly trust?: TrustOptions
}

/**
 * Container images in an OSTree repository, as bootc and ostree-ext keep them: a ref for each layer, a ref for
 * each image at a commit that holds its flattened tree and its manifest.
 */
export function ostreeImageStore(repo: OstreeRepo, options: OstreeImageStoreOptions = {}): ImageStore {
  return new OstreeImageStore(repo, options)
}

const cachedKeys: ReadonlySet<string> = new Set([cachedManifestDigestKey, cachedManifestKey, cachedConfigKey])

class OstreeImageStore implements ImageStore {
  readonly supports = Object.freeze({ reflink: false, fsck: true, commitSignatures: true })
  readonly #repo: OstreeRepo
  readonly #roots: () => Promise<readonly string[]>
  readonly #trust: TrustOptions

  constructor(repo: OstreeRepo, options: OstreeImageStoreOptions) {
    this.#repo = repo
    this.#roots = options.roots ?? (() => Promise.resolve([]))
    this.#trust = options.trust ?? {}
  }

  async get(manifestDigest: Digest): Promise<StoredImage | undefined> {
    for await (const image of this.list()) if (image.manifestDigest === manifestDigest) return image
    return undefined
  }

  async lookup(reference: ImageReference): Promise<StoredImage | undefined> {
    const ref = imageRef(reference)
    const commit = (await this.#repo.listRefs(imageRefPrefix)).get(ref)
    return commit === undefined ? undefined : this.image(commit, await this.layerRefs(), reference)
  }

  /** Named images first, then those that only deployments or base image refs keep. */
  async *list(): AsyncGenerator<StoredImage> {
    const layerRefs = await this.layerRefs()
    const seen = new Set<string>()
    for (const [ref, commit] of await this.#repo.listRefs(imageRefPrefix)) {
      const image = await this.image(commit, layerRefs, referenceOfRef(ref))
      seen.add(commit)
      if (image !== undefined) yield image
    }
    for (const commit of await this.rootCommits()) {
      if (seen.has(commit)) continue
      seen.add(commit)
      const image = await this.image(commit, layerRefs)
      if (image !== undefined) yield image
    }
  }

  freeBytes(): Promise<number> {
    return freeBytesAfterReserve(this.#repo)
  }

  async begin(image: ResolvedImage, options: ImportOptions = {}): Promise<ImportSession> {
    options.signal?.throwIfAborted()
    // What writes is loaded when it is needed: commands that only look must start quickly.
    const { beginImport } = await import('./import-session.js')
    return beginImport(this.#repo, image, options, this.#trust)
  }

  async verifyCommit(image: StoredImage, remote: string): Promise<void> {
    const { verifyImageCommit } = await import('../trust/image-commit.js')
    await verifyImageCommit(this.#repo, image, remote, this.#trust)
  }

  open(image: StoredImage): Promise<ReadTree> {
    return this.#repo.openCommit(image.id)
  }

  documents(image: StoredImage): Promise<ImageDocuments | undefined> {
    return readDocuments(this.#repo, image)
  }

  async setCachedUpdate(image: StoredImage, update: CachedUpdate | undefined): Promise<void> {
    const old = (await this.#repo.readDetached(image.id)) ?? []
    const others = old.filter(([key]) => !cachedKeys.has(key))
    if (update === undefined && others.length === old.length) return
    await using transaction = await this.#repo.begin()
    await transaction.writeDetached(image.id, [...others, ...cachedEntries(update)])
    await transaction.commit()
  }

  async remove(reference: ImageReference): Promise<boolean> {
    const ref = imageRef(reference)
    if (!(await this.#repo.listRefs(imageRefPrefix)).has(ref)) return false
    await this.setRefs([ref])
    return true
  }

  async prune(keep: ReadonlySet<Digest>, options: OpOptions = {}): Promise<PruneResult> {
    const layerRefs = await this.layerRefs()
    const images: string[] = []
    for (const [ref, commit] of await this.#repo.listRefs(imageRefPrefix)) {
      options.signal?.throwIfAborted()
      const image = await this.image(commit, layerRefs)
      if (image === undefined || !keep.has(image.manifestDigest)) images.push(ref)
    }
    const roots = await this.#roots()
    const layers = await unusedLayerRefs(this.#repo, { commits: roots, goingRefs: new Set(images) })
    await this.setRefs([...images, ...layers])
    await pruneDocuments(this.#repo, this.list())
    await pruneRecords(this.#repo, (await this.layerRefs()).keys())
    const { pruned, bytes } = await this.#repo.prune({ ...options, refsOnly: true, depth: 0, keep: roots })
    return { images: images.length, layers: layers.length, objects: pruned, bytes }
  }

  async fsck(options: OpOptions = {}): Promise<FsckResult> {
    const { fsckRepo } = await import('../repo/fsck.js')
    const { objects, problems } = await fsckRepo(this.#repo, options)
    return { objects, problems: problems.map(({ object, message }) => ({ object, message })) }
  }

  private async setRefs(deleted: readonly string[]): Promise<void> {
    if (deleted.length === 0) return
    await using transaction = await this.#repo.begin()
    for (const ref of deleted) transaction.setRef(ref, undefined)
    await transaction.commit()
  }

  private layerRefs(): Promise<ReadonlyMap<string, string>> {
    return this.#repo.listRefs(layerRefPrefix)
  }

  private async rootCommits(): Promise<Set<string>> {
    const commits = new Set<string>(await this.#roots())
    for (const prefix of layerRootPrefixes) {
      for (const commit of (await this.#repo.listRefs(prefix)).values()) commits.add(commit)
    }
    return commits
  }

  /** A commit that is damaged, gone or no image's counts as absent, so that a pull can mend it. */
  private async image(
    commit: string,
    layerRefs: ReadonlyMap<string, string>,
    reference?: ImageReference,
  ): Promise<StoredImage | undefined> {
    try {
      return await readImage(this.#repo, commit, layerRefs, reference)
    } catch (error) {
      if (isBootcError(error)) return undefined
      throw error
    }
  }
}

function cachedEntries(update: CachedUpdate | undefined): VariantDict {
  if (update === undefined) return []
  const { manifest, config } = imageDocuments(update)
  return [
    [cachedManifestDigestKey, { type: 's', value: update.manifestDigest }],
    [cachedManifestKey, { type: 's', value: manifest }],
    [cachedConfigKey, { type: 's', value: config }],
  ]
}
