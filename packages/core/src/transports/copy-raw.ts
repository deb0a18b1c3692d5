import { mapLimit } from '../store-kit/map-limit.js'
import type { Digest, OpOptions } from '../interfaces/common.js'
import type { ImageDestination } from '../interfaces/destination.js'
import type { RawDocument, RawImage } from '../interfaces/raw-image.js'
import {
  isIndexMediaType,
  parseIndex,
  parseManifest,
  parseRegistryName,
  printRegistryName,
} from '../oci/index.js'
import type { ImageReference } from '../oci/reference.js'
import type { Descriptor } from '../oci/types.js'
import type { CopyEvent } from '../progress.js'
import { copyBlob } from './copy-blob.js'
import type { CopyTotals } from './copy-blob.js'
import { notFound } from './transport-errors.js'

export interface CopyRawOptions extends OpOptions<CopyEvent> {
  readonly source: RawImage
  readonly target: { readonly destination: ImageDestination; readonly reference: ImageReference }
  readonly mayTransfer?: boolean | undefined
  readonly concurrency?: number | undefined
}

/** Indexes below the one that is copied. */
const MAX_DEPTH = 3
/** More manifests than this are not one image. */
const MAX_DOCUMENTS = 10_000

/** Copies manifests with everything below them, each once, byte for byte. */
export class RawCopy {
  readonly #options: CopyRawOptions
  readonly totals: CopyTotals = { copiedBytes: 0, skippedBytes: 0 }
  /** Digests of what was copied. */
  readonly done = new Set<Digest>()

  constructor(options: CopyRawOptions) {
    this.#options = options
  }

  /** A manifest or index; what it names comes first. @param named `false`: by digest alone */
  async document(document: RawDocument, named: boolean, depth = 0): Promise<void> {
    const { signal } = this.#options
    signal?.throwIfAborted()
    if (this.done.size >= MAX_DOCUMENTS || depth > MAX_DEPTH) {
      throw notFound(`an end of the manifests below ${this.#options.source.top.digest}`, {
        digest: document.digest,
      })
    }
    if (isIndexMediaType(document.mediaType)) await this.#instances(document, depth)
    else await this.#blobs(document)
    await this.put(document, named)
  }

  async put(document: RawDocument, named: boolean): Promise<void> {
    const { target, signal } = this.#options
    await target.destination.putManifest(target.reference, document, { signal, byDigest: !named })
    this.done.add(document.digest)
  }

  /** What other manifests say about these: referrers, and what cosign keeps under tags made of the digest. */
  async referrers(digests: readonly Digest[]): Promise<number> {
    const { source, signal } = this.#options
    const before = this.done.size
    const queue = [...digests]
    for (let digest = queue.shift(); digest !== undefined; digest = queue.shift()) {
      for (const referrer of (await source.referrers?.(digest, { signal })) ?? []) {
        if (this.done.has(referrer.digest)) continue
        await this.document(await source.document(referrer, { signal }), false)
        queue.push(referrer.digest)
      }
      for (const suffix of cosignSuffixes) await this.#tagged(`${digest.replace(':', '-')}.${suffix}`)
    }
    return this.done.size - before
  }

  async #tagged(tag: string): Promise<void> {
    const { source, target, signal } = this.#options
    const document = await source.tagged?.(tag, { signal })
    if (document === undefined) return
    const { registry, repository } = parseRegistryName(target.reference.name)
    const reference = { ...target.reference, name: printRegistryName({ registry, repository, tag }) }
    const copy = new RawCopy({ ...this.#options, target: { ...target, reference } })
    await copy.document(document, true)
    this.done.add(document.digest)
    this.totals.copiedBytes += copy.totals.copiedBytes
    this.totals.skippedBytes += copy.totals.skippedBytes
  }

  async #instances({ bytes }: RawDocument, depth: number): Promise<void> {
    const { source, signal } = this.#options
    for (const instance of parseIndex(bytes).manifests) {
      if (this.done.has(instance.digest)) continue
      await this.document(await source.document(instance, { signal }), false, depth + 1)
    }
  }

  async #blobs({ bytes }: RawDocument): Promise<void> {
    const { source, target, concurrency = 6, mayTransfer, signal, onProgress } = this.#options
    const { config, layers } = parseManifest(bytes)
    const unique = new Map([...layers, config].map((blob) => [blob.digest, blob]))
    const copy = { target, from: source.reference, mayTransfer, signal, onProgress }
    await mapLimit([...unique.values()], concurrency, (blob) => copyBlob(this.#open(blob), copy, this.totals))
  }

  #open(descriptor: Descriptor) {
    const { source, signal } = this.#options
    const reopen = (start: number) =>
      source.blob(descriptor, { signal, range: { start, end: descriptor.size } })
    const open = () => Promise.resolve({ descriptor, bytes: source.blob(descriptor, { signal }), reopen })
    return { id: descriptor.digest, descriptor, open }
  }
}

/** Signatures, attestations, SBOMs. @see cosign 2.5 specs/SIGNATURE_SPEC.md */
const cosignSuffixes = ['sig', 'att', 'sbom'] as const
