import type {
  Digest,
  ImageReference,
  ImportLayer,
  ImportOptions,
  ImportSession,
  LayerTar,
  OpOptions,
  ResolvedImage,
  StoredImage,
  Warning,
} from '@bootc-sdk/core'
import { verifyDigest } from '@bootc-sdk/core/oci'
import type { ObjectId } from '../format/types.js'
import type { ComposefsRepo } from '../repo/api.js'
import { treeFromLayers } from '../tree/from-layers.js'
import { isImageManifest, readImageRefs } from './documents.js'
import { importState, layersDiffer, notAnImage, notStored } from './errors.js'
import { fileImage } from './file-image.js'
import type { Filing } from './filing.js'
import { layerStream } from './names.js'
import { putLayer } from './put-layer.js'
import { RootImages } from './root-images.js'
import { sealWarnings } from './seal-warnings.js'
import type { ImageStoreSettings } from './settings.js'
import { readStoredImage } from './stored-image.js'

export interface ImportParts {
  readonly repo: ComposefsRepo
  readonly filing: Filing
  readonly settings: ImageStoreSettings
}

/**
 * @throws BootcError `IMAGE_NOT_AN_IMAGE` for artifacts, `IMAGE_DIFFID_MISMATCH`, `IMAGE_DIGEST_MISMATCH`,
 *   `STORE_COMPOSEFS_INVALID` for a reference that cannot be a tag
 */
export async function beginImport(
  parts: ImportParts,
  image: ResolvedImage,
  options: ImportOptions,
): Promise<ImportSession> {
  checkDocuments(image)
  if (options.unnamed !== true) parts.filing.check(options.target ?? image.reference)
  const known = new Map<Digest, ObjectId>()
  for (const diffId of new Set(image.config.rootfs.diff_ids)) {
    const id = await parts.repo.stream(layerStream(diffId))
    if (id !== undefined && (await parts.repo.hasObject(id))) known.set(diffId, id)
  }
  return new ComposefsImportSession(parts, image, options, known)
}

class ComposefsImportSession implements ImportSession {
  readonly layers: readonly ImportLayer[]
  readonly #parts: ImportParts
  readonly #image: ResolvedImage
  readonly #options: ImportOptions
  /** Was in the repository before. */
  readonly #cached: ReadonlySet<Digest>
  /** Splitstreams of what is complete, by diffId. */
  readonly #layerIds: Map<Digest, ObjectId>
  #closed = false

  constructor(
    parts: ImportParts,
    image: ResolvedImage,
    options: ImportOptions,
    known: ReadonlyMap<Digest, ObjectId>,
  ) {
    this.#parts = parts
    this.#image = image
    this.#options = options
    this.#cached = new Set(known.keys())
    this.#layerIds = new Map(known)
    const diffIds = image.config.rootfs.diff_ids
    this.layers = image.manifest.layers.map((descriptor, i) => ({
      descriptor,
      diffId: diffIds[i]!,
      // One import serves all occurrences of a layer.
      present: known.has(diffIds[i]!) || diffIds.indexOf(diffIds[i]!) < i,
      after: [],
    }))
  }

  async putLayer(index: number, tar: LayerTar, options: OpOptions = {}): Promise<void> {
    const layer = this.layers[index]
    if (this.#closed || layer === undefined) {
      throw importState(`layer ${index} cannot be put into this import`, { index, closed: this.#closed })
    }
    const { diffId, descriptor } = layer
    const input = { diffId, tar, id: descriptor.digest }
    const id = await putLayer(this.#parts.repo, input, { ...this.#inherited(), ...options })
    this.#layerIds.set(diffId, id)
  }

  async commit(options: OpOptions = {}): Promise<{ image: StoredImage; warnings: readonly Warning[] }> {
    const missing = this.layers.findIndex(({ diffId }) => !this.#layerIds.has(diffId))
    if (this.#closed || missing >= 0) {
      throw importState(`layer ${missing} of the image is not there yet`, { missing, closed: this.#closed })
    }
    const images = await this.#file({ ...this.#inherited(), ...options })
    this.#closed = true
    const { repo, filing } = this.#parts
    const { reference } = this.#reference()
    const image = await readStoredImage(repo, this.#image.manifestDigest, filing, reference)
    if (image === undefined) throw notStored(this.#image.manifestDigest)
    return {
      image: {
        ...image,
        layers: image.layers.map((layer) => ({ ...layer, cached: this.#cached.has(layer.diffId) })),
      },
      warnings: sealWarnings(this.#image.config, images),
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    return Promise.resolve()
  }

  /** One transaction: the image is there with its name and all that it needs, or not at all. */
  async #file(options: OpOptions): Promise<ReadonlyMap<string, ObjectId>> {
    const { repo, filing, settings } = this.#parts
    const { manifestDigest, manifest, manifestBytes, configDigest, configBytes } = this.#image
    const diffIds = this.#image.config.rootfs.diff_ids
    await using transaction = await repo.begin(options)
    const known = await readImageRefs(repo, configDigest)
    const root = new RootImages(repo, transaction, known.images, () =>
      treeFromLayers(repo, diffIds, { ...options, streams: this.#layerIds }),
    )
    const images = await root.make(settings, options)
    options.signal?.throwIfAborted()
    await fileImage(repo, transaction, {
      ...{ manifestDigest, manifest, manifestBytes, configBytes, diffIds, images },
      layers: this.#layerIds,
    })
    const { reference } = this.#reference()
    await filing.add(transaction, manifestDigest, reference)
    await transaction.commit()
    await filing.added(manifestDigest, reference)
    return images
  }

  #reference(): { readonly reference?: ImageReference } {
    const { target, unnamed } = this.#options
    return unnamed === true ? {} : { reference: target ?? this.#image.reference }
  }

  #inherited(): OpOptions {
    const { signal, onProgress } = this.#options
    return { signal, onProgress }
  }
}

/** Nothing may be filed under a digest that its bytes do not have. */
function checkDocuments(image: ResolvedImage): void {
  const { manifest, manifestDigest, manifestBytes, config, configDigest, configBytes } = image
  if (!isImageManifest(manifest)) throw notAnImage(manifestDigest, manifest.config.mediaType)
  verifyDigest(manifestBytes, manifestDigest)
  verifyDigest(configBytes, configDigest)
  const layers = manifest.layers.length
  const diffIds = config.rootfs.diff_ids.length
  if (layers !== diffIds) throw layersDiffer(layers, diffIds)
}
