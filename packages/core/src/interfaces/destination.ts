import type { Bytes, Digest, OpOptions } from './common.js'
import type { ImageReference, TransportName } from '../oci/reference.js'
import type { Descriptor, Platform } from '../oci/types.js'

/** Where images can be written. Blobs first, in any order and several at once; the manifest makes them an image. */
export interface ImageDestination {
  /** For messages. */
  readonly name: string
  readonly transports: readonly TransportName[]
  /**
   * Whether the blob is there already; a registry also takes it from another repository of its own without transfer.
   * @param options.from where the image comes from
   */
  hasBlob(
    target: ImageReference,
    blob: Pick<Descriptor, 'digest' | 'size'>,
    options?: OpOptions & { readonly from?: ImageReference },
  ): Promise<boolean>
  /**
   * Store a blob. Nothing is visible under its digest unless all bytes came and hash to it.
   * @param options.reopen the same bytes again from an offset on, so that a transfer which broke can go on
   * @param options.release told of chunks that are not looked at any more, when their memory may be used again
   * @throws `IMAGE_DIGEST_MISMATCH`, `IMAGE_SIZE_MISMATCH`, `TRANSPORT_*`
   */
  putBlob(
    target: ImageReference,
    blob: Pick<Descriptor, 'digest' | 'size'>,
    bytes: Bytes,
    options?: OpOptions & {
      readonly reopen?: ((offset: number) => Bytes) | undefined
      readonly release?: ((chunk: Uint8Array) => void) | undefined
    },
  ): Promise<void>
  /** Store a blob whose digest nobody knows before its last byte. Absent: it has to be known. */
  putStream?(
    target: ImageReference,
    bytes: Bytes,
    options?: OpOptions,
  ): Promise<{ readonly digest: Digest; readonly size: number }>
  /** Last: from now on the name of the target (or only the digest) means this image. */
  putManifest(
    target: ImageReference,
    manifest: ManifestToPut,
    options?: OpOptions & { readonly byDigest?: boolean },
  ): Promise<void>
  close?(): Promise<void>
}

export interface ManifestToPut {
  readonly bytes: Uint8Array
  readonly digest: Digest
  readonly mediaType: string
  /** What the image's config says it runs on, for places that list images. */
  readonly platform?: Platform
}
