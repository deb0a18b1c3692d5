import type { Digest } from '../interfaces/common.js'
import type { LayerTar } from '../interfaces/store.js'
import type { BlobSource } from '../interfaces/transport.js'

/** What manifest and config say of a layer. */
export interface ExpectedLayer {
  /** Digest of the blob as stored. */
  readonly digest: Digest
  /** Bytes of the blob as stored. */
  readonly sizeBytes: number
  /** Digest of the uncompressed tar; not checked when left out. */
  readonly diffId?: Digest
}

export interface DecodeOptions {
  readonly signal?: AbortSignal | undefined
  /** Uncompressed bytes after which the layer is refused; default 64 GiB. */
  readonly maxOutputBytes?: number
  /**
   * `all` (default): every gzip member, as RFC 1952 asks. `first`: what ostree-ext does, which ignores later
   * members and compares no diffId; only for reproducing its commits.
   */
  readonly gzipMembers?: 'all' | 'first'
  /** Cumulative compressed bytes. Where the decoder reads a local file itself: once, at the end. */
  readonly onBytes?: (compressedBytes: number) => void
}

/** Decompression and hashing of layers, swapped as one: JavaScript or the native addon, with equal results. */
export interface Codec {
  /** `js` or `native`. */
  readonly name: string
  /**
   * Decompress a layer and check it on the way. Compression is told by magic numbers, never by media type
   * (`dir:` and `docker-archive:` carry plain tars labelled gzip).
   *
   * Reading throws, at the latest after the last byte:
   * `IMAGE_SIZE_MISMATCH` as soon as the blob is longer than expected, or at its end when shorter;
   * `IMAGE_DIGEST_MISMATCH` and `IMAGE_DIFFID_MISMATCH` at the end; `IMAGE_LAYER_CORRUPT` for a blob whose
   * digest is right but whose compression is damaged; `IMAGE_TOO_LARGE` beyond `maxOutputBytes`;
   * `IMAGE_COMPRESSION_UNSUPPORTED` for bzip2, xz and others; `signal.reason` when aborted.
   */
  decodeLayer(source: BlobSource, expected: ExpectedLayer, options?: DecodeOptions): LayerTar
}

export const DEFAULT_MAX_OUTPUT_BYTES = 64 * 1024 ** 3
