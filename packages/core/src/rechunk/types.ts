import type { Codec } from '../codec/index.js'
import type { Digest, OpOptions, Warning } from '../interfaces/common.js'
import type { ImageDestination } from '../interfaces/destination.js'
import type { ImageTransport, ResolvedImage } from '../interfaces/transport.js'
import type { ImageReference } from '../oci/reference.js'
import type { Descriptor, Platform } from '../oci/types.js'
import type { ByteProgress, CopyEvent } from '../progress.js'
import type { LayerCompression } from '../codec/index.js'
import type { LayerRole } from './layer-plan.js'

export type LayerCompressionName = Exclude<LayerCompression, 'gzip-fast'>

export type RechunkEvent =
  | CopyEvent
  /** A layer of the source, or of the earlier image. */
  | { readonly type: 'rechunk:read'; readonly detail: ByteProgress }
  /** `layer` of `layers` is being made, from 1; bytes are those of its files. */
  | {
      readonly type: 'rechunk:write'
      readonly detail: ByteProgress & { readonly layer: number; readonly layers: number }
    }

export interface ImagePlace {
  readonly transport: ImageTransport
  readonly reference: ImageReference
}

export interface RechunkOptions extends OpOptions<RechunkEvent> {
  readonly source: ImagePlace
  readonly target: { readonly destination: ImageDestination; readonly reference: ImageReference }
  /** The image that went out before: its layers stay where they can. */
  readonly previous?: ImagePlace
  /** 1 to 1024; default 64. */
  readonly maxLayers?: number
  /** Default: zstd where a layer of the source is, else gzip. */
  readonly compression?: LayerCompressionName
  /** Seconds since the epoch (SOURCE_DATE_EPOCH): later times of files and of the image become it. Default: times stay. */
  readonly newestSeconds?: number
  readonly platform?: Platform
  /** Runs on the source before any layer is read. */
  readonly check?: (image: ResolvedImage) => Promise<void>
  /** For content while it is sorted: as much as all layers uncompressed, and twice a layer compressed. Default /var/tmp. */
  readonly temporaryDir?: string
  readonly codec?: Codec
}

export interface RechunkedLayer {
  readonly descriptor: Descriptor
  readonly diffId: Digest
  readonly role: LayerRole
  /** Ids of groups, see `Group`. */
  readonly groups: readonly string[]
  /** Names of files, directories aside; unknown (undefined) for a layer that was kept although some of it is replaced. */
  readonly files: number
  /** The earlier image has the same layer. */
  readonly kept: boolean
}

export interface RechunkResult {
  readonly source: ResolvedImage
  readonly manifestDigest: Digest
  readonly layers: readonly RechunkedLayer[]
  /** Where groups come from; undefined: directories and sizes alone. */
  readonly database: 'dpkg' | 'rpm' | 'pacman' | 'apk' | undefined
  /** Blobs that were moved, and those that were at the target. */
  readonly copiedBytes: number
  readonly skippedBytes: number
  readonly warnings: readonly Warning[]
}
