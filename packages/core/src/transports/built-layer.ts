import { compressStream, type LayerCompression } from '../codec/compress-stream.js'
import { hashing } from '../codec/hashing.js'
import type { Bytes, Digest } from '../interfaces/common.js'
import type { BlobSource } from '../interfaces/transport.js'
import { mediaTypes } from '../oci/media-types.js'
import type { Descriptor } from '../oci/types.js'
import { namelessFile, sliceOfHandle } from './nameless-file.js'

/** A layer that was made here: its blob lies in a file without a name, which goes when it is disposed of. */
export interface BuiltLayer extends AsyncDisposable {
  readonly descriptor: Descriptor
  readonly diffId: Digest
  readonly file: NonNullable<BlobSource['file']>
}

export interface BuildLayerOptions {
  /** Default `gzip`. */
  readonly compression?: LayerCompression | undefined
  /** Default /var/tmp. */
  readonly temporaryDir?: string | undefined
  readonly annotations?: Readonly<Record<string, string>> | undefined
  readonly signal?: AbortSignal | undefined
  /** Bytes of the tar so far. */
  readonly onBytes?: ((bytes: number) => void) | undefined
}

/** What descriptors of layers say. */
export const layerMediaTypes: Readonly<Record<LayerCompression, string>> = {
  gzip: mediaTypes.ociLayerGzip,
  'gzip-fast': mediaTypes.ociLayerGzip,
  zstd: mediaTypes.ociLayerZstd,
  none: mediaTypes.ociLayer,
}

/** Chunks that reach the compressor; tars come in headers of 512 bytes. */
const blockBytes = 256 * 1024

/**
 * Compress a tar into a file, since only then its digest is known.
 *
 * @throws what reading the tar throws; `IMAGE_COMPRESSION_UNSUPPORTED`
 */
export async function buildLayer(tar: Bytes, options: BuildLayerOptions = {}): Promise<BuiltLayer> {
  const { compression = 'gzip', signal, annotations } = options
  const file = await namelessFile(options.temporaryDir ?? '/var/tmp')
  try {
    const plain = hashing(inBlocks(tar, options))
    const packed = hashing(compressStream(plain.bytes, compression))
    for await (const chunk of packed.bytes) {
      signal?.throwIfAborted()
      await file.writeFile(chunk)
    }
    const { digest, sizeBytes: size } = packed.result()
    const mediaType = layerMediaTypes[compression]
    return {
      descriptor: { mediaType, digest, size, ...(annotations === undefined ? {} : { annotations }) },
      diffId: plain.result().digest,
      file: sliceOfHandle(file, size),
      [Symbol.asyncDispose]: () => file.close(),
    }
  } catch (error) {
    await file.close()
    throw error
  }
}

async function* inBlocks(source: Bytes, { signal, onBytes }: BuildLayerOptions): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = []
  let length = 0
  let total = 0
  for await (const chunk of source) {
    signal?.throwIfAborted()
    parts.push(chunk)
    length += chunk.length
    if (length < blockBytes) continue
    onBytes?.((total += length))
    yield parts.length === 1 ? chunk : Buffer.concat(parts, length)
    parts = []
    length = 0
  }
  onBytes?.(total + length)
  if (length > 0) yield Buffer.concat(parts, length)
}
