import type { Bytes, Digest, OpOptions, Warning } from './common.js'
import type { RawImage } from './raw-image.js'
import type { ReadTree } from './tree.js'
import type { ImageSignature } from '../containers-conf/signature-types.js'
import type { Descriptor, ImageConfig, ImageManifest } from '../oci/types.js'
import type { ImageReference, SignatureSource, TransportName } from '../oci/reference.js'
import type { Platform } from '../oci/types.js'

/** Manifest and config of the one platform that was chosen, with the bytes that were hashed. */
export interface ResolvedImage {
  readonly reference: ImageReference
  /**
   * Where a registry image really came from, and where its layers are fetched: a mirror, or a place that
   * registries.conf rewrites the name to. Absent: the reference itself.
   */
  readonly servedBy?: {
    /** `host/repository:tag` or `…@digest` */
    readonly name: string
    readonly insecure?: boolean
  }
  /** Digest of the platform manifest as served: the image's identity. */
  readonly manifestDigest: Digest
  readonly manifest: ImageManifest
  readonly manifestBytes: Uint8Array
  readonly manifestMediaType: string
  /** The index that led to it, when the reference named one. */
  readonly index?: { readonly digest: Digest; readonly bytes: Uint8Array }
  readonly config: ImageConfig
  readonly configDigest: Digest
  readonly configBytes: Uint8Array
  /**
   * By digest of a layer in the manifest: what `openLayer` gives for it, where the source does not keep the blob
   * (storage of podman: plain tars, under their diff ids).
   */
  readonly served?: ReadonlyMap<Digest, Descriptor>
  /** What was odd but not wrong: a lying header, a config for another platform. */
  readonly warnings?: readonly Warning[]
}

/** A blob stream; `file` is set where the blob lies in a local file, so that native code can read it itself. */
export interface BlobSource extends Bytes {
  readonly file?: { readonly hostPath: string; readonly offsetBytes: number; readonly sizeBytes: number }
  /** A chunk is not looked at any more: its memory may be used again. Once for each chunk, or never. */
  release?(chunk: Uint8Array): void
}

export interface SignaturesOptions extends OpOptions {
  /** Those that cosign puts beside an image in any case, not only where registries.d says so; default no. */
  readonly attachments?: boolean
}

/** Where images come from. */
export interface ImageTransport {
  /** For messages. */
  readonly name: string
  /** Reference transports that this object serves. */
  readonly transports: readonly TransportName[]
  readonly supports: { readonly range: boolean; readonly localTree: boolean }
  /**
   * Find manifest and config; reads no layer byte. Digests and sizes are checked.
   * @throws `TRANSPORT_*`, `IMAGE_*` (see docs/errors.md)
   */
  resolve(reference: ImageReference, options?: OpOptions & { platform?: Platform }): Promise<ResolvedImage>
  /**
   * The compressed blob as stored. Size and digest are verified by the caller (`verifyBlob` in core/codec);
   * the transport stops at `descriptor.size` bytes. `range` is in bytes, `end` exclusive.
   */
  openLayer(
    image: ResolvedImage,
    layer: Descriptor,
    options?: OpOptions & { range?: { start: number; end: number } },
  ): BlobSource
  /**
   * The layer is stored, or its bytes are wrong: what the transport keeps of it for another try can go. Never throws.
   * Absent: the transport keeps nothing.
   */
  forgetLayer?(layer: Descriptor): Promise<void>
  /** The unpacked tree of a layer, for zero-copy import. Present when `supports.localTree`. */
  openLocalTree?(image: ResolvedImage, diffId: Digest): Promise<ReadTree>
  /**
   * Signatures that are kept for what the image's reference names (the index, if it names one), unverified.
   * Absent: the transport has no place for any.
   * @throws `TRANSPORT_*`, `IMAGE_SIGNATURE_INVALID`
   */
  signatures?(image: ResolvedImage, options?: SignaturesOptions): Promise<readonly ImageSignature[]>
  /** What the reference names, for all platforms. Absent: the source makes manifests itself. */
  openRaw?(reference: ImageReference, options?: OpOptions): Promise<RawImage>
  /**
   * Digest of the manifest that the reference means at the moment, for less than `resolve`: to see that nothing has
   * changed. As the source says it; `undefined` where it does not say.
   */
  askDigest?(
    reference: ImageReference,
    options?: OpOptions & { platform?: Platform },
  ): Promise<Digest | undefined>
}

/** Decides whether an image may be imported; runs between `resolve` and `begin`. */
export interface SignaturePolicy {
  /**
   * @param options.storeVerifies the store that the image goes to verifies the signature of the commit that the image
   *   was made from, which `ostreeRemote` asks for
   * @throws BootcError `IMAGE_POLICY_REJECTED`
   */
  check(
    image: ResolvedImage,
    source: SignatureSource,
    options?: OpOptions & { readonly storeVerifies?: boolean },
  ): Promise<void>
}
