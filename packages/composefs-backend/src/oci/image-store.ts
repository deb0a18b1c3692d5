import type {
  CachedUpdate,
  Digest,
  FsckResult,
  ImageDocuments,
  ImageReference,
  ImageStore,
  ImportOptions,
  ImportSession,
  LayerTar,
  OpOptions,
  PruneResult,
  ReadTree,
  ResolvedImage,
  StoredImage,
} from '@bootc-sdk/core'
import { BootcError } from '@bootc-sdk/core'
import { detectMediaType } from '@bootc-sdk/core/oci'
import type { ErofsVersion, ObjectId } from '../format/types.js'
import type { ComposefsRepo } from '../repo/api.js'
import { readDocuments } from './documents.js'
import { notStored } from './errors.js'
import { Filing } from './filing.js'
import { readKnownDocuments } from './known-documents.js'
import { readStoredImage } from './stored-image.js'
import type { ComposefsImageStoreOptions, ImageStoreSettings } from './settings.js'
import { referenceOfTag } from './tags.js'

export type DescribedImage = Pick<StoredImage, 'config' | 'configDigest' | 'cachedUpdate'>

/** What this store can do besides. */
export interface ComposefsImageStore extends ImageStore {
  /** Config and cached update for those who show them; what was checked once is not read again (`readKnownDocuments`). */
  describe(manifestDigest: Digest): Promise<DescribedImage | undefined>
  /** Manifest and config to the byte. */
  documents(image: StoredImage): Promise<ImageDocuments | undefined>
  readLayer(image: StoredImage, index: number): LayerTar
  adopt(image: ResolvedImage, tree: ReadTree, options?: ImportOptions): Promise<StoredImage>
  /**
   * The image that is booted, of the repository's version and with the store's attributes: made when the
   * repository does not have it yet, and recorded beside the plain one.
   *
   * @throws BootcError `STORE_COMPOSEFS_NOT_BOOTABLE`, `IMAGE_SELINUX_INVALID`, `IMAGE_NOT_STORED`
   */
  bootImage(image: StoredImage, options?: OpOptions): Promise<ObjectId>
  /**
   * The image that was sealed under this digest, as a UKI names it: all kinds that tools have made are tried.
   * It is made and recorded when it is found; undefined when none has the digest.
   */
  findBootImage(image: StoredImage, expected: ObjectId, options?: OpOptions): Promise<ObjectId | undefined>
  /** An image of another version than the repository's. It stays until the image is pruned. */
  imageOfVersion(
    image: StoredImage,
    version: ErofsVersion,
    options?: OpOptions & { readonly bootable?: boolean },
  ): Promise<ObjectId>
}

/**
 * Container images in a composefs repository, as composefs-rs and bootc keep them: a splitstream for each
 * layer, config and manifest, EROFS images that the config links, tags as roots.
 */
export function composefsImageStore(
  repo: ComposefsRepo,
  options: ComposefsImageStoreOptions = {},
): ComposefsImageStore {
  return new Store(repo, options)
}

class Store implements ComposefsImageStore {
  readonly supports: ImageStore['supports']
  readonly #repo: ComposefsRepo
  readonly #filing: Filing
  readonly #settings: ImageStoreSettings

  constructor(repo: ComposefsRepo, options: ComposefsImageStoreOptions) {
    const { bootable = false, xattrs = 'allowlist-only', tagStyle = 'reference' } = options
    this.supports = Object.freeze({ reflink: repo.dir.supports.reflink, fsck: true })
    this.#repo = repo
    this.#settings = { bootable, xattrs }
    this.#filing = new Filing(repo, tagStyle, options.deployments ?? (() => Promise.resolve([])))
  }

  /** Also images without a name, until they are pruned. */
  async get(manifestDigest: Digest): Promise<StoredImage | undefined> {
    if (!(await this.#filing.isThere(manifestDigest))) return undefined
    const reference = await this.#filing.referenceOf(manifestDigest)
    return readStoredImage(this.#repo, manifestDigest, this.#filing, reference)
  }

  async describe(manifestDigest: Digest): Promise<DescribedImage | undefined> {
    if (!(await this.#filing.isThere(manifestDigest))) return undefined
    const documents = await readKnownDocuments(this.#repo, manifestDigest)
    if (documents?.config === undefined) return undefined
    const cachedUpdate = await this.#filing.notes.cachedUpdate(manifestDigest)
    const { config, manifest } = documents
    const { digest: configDigest } = manifest.config
    return { config, configDigest, ...(cachedUpdate === undefined ? {} : { cachedUpdate }) }
  }

  async lookup(reference: ImageReference): Promise<StoredImage | undefined> {
    const manifestDigest = await this.#filing.lookup(reference)
    if (manifestDigest === undefined) return undefined
    return readStoredImage(this.#repo, manifestDigest, this.#filing, reference)
  }

  /** Images with a name (each name once), then those that were adopted, then those that deployments keep. */
  async *list(): AsyncGenerator<StoredImage> {
    const seen = new Set<Digest>()
    for await (const { name, manifestDigest } of this.#filing.tags()) {
      if (manifestDigest === undefined) continue
      const told = referenceOfTag(name)
      // bootc's tag says nothing that another tag of the image does not say better.
      if (told === undefined && seen.has(manifestDigest)) continue
      const reference = told ?? (await this.#filing.untaggedReference(manifestDigest))
      const image = await readStoredImage(this.#repo, manifestDigest, this.#filing, reference)
      if (image === undefined) continue
      seen.add(manifestDigest)
      yield image
    }
    for (const manifestDigest of await this.#untagged()) {
      if (seen.has(manifestDigest)) continue
      seen.add(manifestDigest)
      const image = await this.get(manifestDigest)
      if (image !== undefined) yield image
    }
  }

  async freeBytes(): Promise<number> {
    return (await this.#repo.dir.space()).freeBytes
  }

  async begin(image: ResolvedImage, options: ImportOptions = {}): Promise<ImportSession> {
    options.signal?.throwIfAborted()
    // What writes is loaded when it is needed: commands that only look must start quickly.
    const { beginImport } = await import('./import-session.js')
    return beginImport(this.#parts, image, options)
  }

  async open(image: StoredImage): Promise<ReadTree> {
    const { openImage } = await import('./open-image.js')
    return openImage(this.#repo, image)
  }

  async setCachedUpdate(image: StoredImage, update: CachedUpdate | undefined): Promise<void> {
    const { readOnlyReason } = this.#repo.meta
    if (readOnlyReason !== undefined) {
      throw new BootcError('STORE_COMPOSEFS_READ_ONLY', `repository cannot be written: ${readOnlyReason}`, {
        details: { reason: readOnlyReason },
      })
    }
    if (!(await this.#filing.isThere(image.manifestDigest))) throw notStored(image.manifestDigest)
    await this.#filing.notes.setCachedUpdate(image.manifestDigest, update)
  }

  remove(reference: ImageReference): Promise<boolean> {
    return this.#filing.remove(reference)
  }

  async prune(keep: ReadonlySet<Digest>, options: OpOptions = {}): Promise<PruneResult> {
    const { pruneImages } = await import('./prune.js')
    return pruneImages(this.#repo, this.#filing, keep, options)
  }

  async fsck(options: OpOptions = {}): Promise<FsckResult> {
    const { fsckImages } = await import('./fsck.js')
    const { repository, images } = await fsckImages(this.#repo, options)
    return {
      objects: repository.objects.checked,
      problems: [
        ...repository.problems.map(({ path, message }) => ({ object: path, message })),
        ...images.problems.map(({ image, message }) => ({ object: image, message })),
      ],
    }
  }

  async documents(image: StoredImage): Promise<ImageDocuments | undefined> {
    const found = await readDocuments(this.#repo, image.manifestDigest)
    if (found === undefined) return undefined
    const { manifest, manifestBytes, configBytes } = found
    return {
      manifestBytes,
      configBytes,
      manifestMediaType: manifest.mediaType ?? detectMediaType(manifestBytes),
    }
  }

  readLayer(image: StoredImage, index: number): LayerTar {
    const { layers } = image
    const repo = this.#repo
    return (async function* () {
      const { readLayer } = await import('./read-layer.js')
      const layer = layers[index]
      if (layer === undefined) throw new RangeError(`image has no layer ${index}`)
      yield* readLayer(repo, layer.diffId)
    })()
  }

  async adopt(image: ResolvedImage, tree: ReadTree, options: ImportOptions = {}): Promise<StoredImage> {
    const { adoptImage } = await import('./adopt.js')
    return adoptImage(this.#parts, image, tree, options)
  }

  async bootImage(image: StoredImage, options: OpOptions = {}): Promise<ObjectId> {
    const { makeBootImage } = await import('./boot-image.js')
    return makeBootImage(this.#parts, image.manifestDigest, this.#settings.xattrs, options)
  }

  async findBootImage(
    image: StoredImage,
    expected: ObjectId,
    options: OpOptions = {},
  ): Promise<ObjectId | undefined> {
    const { findBootImage } = await import('./boot-image.js')
    return findBootImage(this.#parts, image.manifestDigest, expected, options)
  }

  async imageOfVersion(
    image: StoredImage,
    version: ErofsVersion,
    options: OpOptions & { readonly bootable?: boolean } = {},
  ): Promise<ObjectId> {
    const { imageOfVersion } = await import('./boot-image.js')
    const wanted = { version, xattrs: this.#settings.xattrs, bootable: options.bootable ?? false }
    return imageOfVersion(this.#parts, image.manifestDigest, wanted, options)
  }

  get #parts() {
    return { repo: this.#repo, filing: this.#filing, settings: this.#settings }
  }

  /** Images that have no tag, and deserve to be listed. */
  async #untagged(): Promise<Digest[]> {
    const digests: Digest[] = []
    for await (const { manifestDigest } of this.#filing.adopted()) digests.push(manifestDigest)
    for (const { manifestDigest } of await this.#filing.deployments()) {
      if (manifestDigest !== undefined) digests.push(manifestDigest)
    }
    return digests
  }
}
