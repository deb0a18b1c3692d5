import type { Codec } from '../codec/index.js'
import type {
  Digest,
  ImageStore,
  ImageTransport,
  OpOptions,
  SignaturePolicy,
  StoredImage,
  Warning,
} from '../interfaces/index.js'
import type { PullEvent } from '../progress.js'
import type { ImageReference, SignatureSource } from '../oci/reference.js'
import type { Platform } from '../oci/types.js'

/** What `pullImage` needs and how it should go about it. */
export interface PullImageOptions extends OpOptions<PullEvent> {
  /** The first one that serves the reference's transport is used. */
  readonly transports: readonly ImageTransport[]
  readonly store: ImageStore
  readonly reference: ImageReference
  /** Default: accepts `insecure` and refuses every other source. */
  readonly policy?: SignaturePolicy | undefined
  /** How the image is to be trusted; default `insecure`. */
  readonly source?: SignatureSource | undefined
  /** Default: native where it loads, else JS. */
  readonly codec?: Codec | undefined
  /** Reference to file the image under; default: the one it is pulled from. */
  readonly target?: ImageReference | undefined
  /** File it under no reference. */
  readonly unnamed?: boolean | undefined
  /** Default: the host's. */
  readonly platform?: Platform | undefined
  /** Refuse images that are not meant to be booted, or not on this architecture. */
  readonly requireBootable?: { readonly architecture: string } | undefined
  /** Layers in flight; default 2. */
  readonly concurrency?: number | undefined
  /** Tries of one layer; default 3. Waits of 0.5 s, 1 s, … (times `retryWaitMs` / 500) lie between them. */
  readonly attempts?: number | undefined
  /** First wait between two tries, in milliseconds; doubled each time; default 500. */
  readonly retryWaitMs?: number | undefined
  /** `false`: fetch layers whole, also those that can be fetched in parts. */
  readonly partial?: boolean | undefined
  /** Image whose SELinux policy labels layers without a base of their own. */
  readonly policyFrom?: StoredImage | undefined
  /** Seconds since the epoch for layer records; default now. */
  readonly timestamp?: number | undefined
}

/** A layer of a pulled image. */
export interface PulledLayer {
  readonly digest: Digest
  readonly diffId: Digest
  /** Ref or stream name of the layer in the store, and the commit or object behind it. */
  readonly ref: string
  readonly id: string
  /** Bytes of the blob as transported. */
  readonly sizeBytes: number
  /** Was in the store before. */
  readonly cached: boolean
}

/** Plain data. */
export interface PullResult {
  readonly image: StoredImage
  /** False when the store already had it under this reference; then nothing was written. */
  readonly changed: boolean
  /** Why nothing changed. */
  readonly reason?: 'digest-stored' | 'same-manifest' | 'same-config'
  readonly layers: readonly PulledLayer[]
  /** Bytes of blobs that had to be fetched. */
  readonly bytesFetched: number
  /** Bytes of blobs that an earlier pull, which broke off, had fetched. */
  readonly bytesResumed: number
  /** Mirror, or rewritten name, that the image came from: `host/repository:tag` or `…@digest`. */
  readonly servedBy?: string
  readonly warnings: readonly Warning[]
}
