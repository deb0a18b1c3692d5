import { Readable } from 'node:stream'
import * as zlib from 'node:zlib'
import { BootcError } from '../errors.js'
import { hashing } from '../codec/index.js'
import type { Bytes } from '../interfaces/common.js'
import { getNative } from '../native/loader.js'
import { mediaTypes } from '../oci/index.js'

export type LayerCompressionName = 'gzip' | 'zstd' | 'none'

export const layerMediaTypes: Readonly<Record<LayerCompressionName, string>> = {
  gzip: mediaTypes.ociLayerGzip,
  zstd: mediaTypes.ociLayerZstd,
  none: mediaTypes.ociLayer,
}

/** Those of zlib and libzstd that everybody uses, fixed: the same input gives the same bytes. */
const gzipLevel = 6
const zstdLevel = 3

/** Not in the types of the oldest Node that is supported. */
const createZstd = (
  zlib as { createZstdCompress?: (options: { params: Record<number, number> }) => zlib.Gzip }
).createZstdCompress

/** `ZSTD_c_compressionLevel` */
const zstdParameterLevel = 100

/**
 * Compress a layer's archive, whose chunks may be written again once the next one is asked for; one gzip member without time and name, or one zstd frame.
 *
 * @throws BootcError `HOST_NO_ZSTD` without addon and before Node 22.15
 */
export function compressLayer(tar: Bytes, compression: LayerCompressionName): Bytes {
  if (compression === 'none') return tar
  if (compression === 'gzip') return through(tar, zlib.createGzip({ level: gzipLevel }))
  const native = getNative()
  if (native !== undefined) return nativeZstd(tar, native.createZstdEncoder(zstdLevel))
  if (createZstd !== undefined) {
    return through(tar, createZstd({ params: { [zstdParameterLevel]: zstdLevel } }))
  }
  throw new BootcError('HOST_NO_ZSTD', 'nothing here can compress with zstd: use gzip')
}

async function* nativeZstd(
  tar: Bytes,
  encoder: { push(chunk: Uint8Array): Uint8Array; end(): Uint8Array },
): AsyncGenerator<Uint8Array> {
  for await (const chunk of tar) {
    const out = encoder.push(chunk)
    if (out.length > 0) yield out
  }
  yield encoder.end()
}

async function* through(tar: Bytes, stream: zlib.Gzip): AsyncGenerator<Uint8Array> {
  const source = Readable.from(copies(tar), { objectMode: false })
  source.on('error', (error) => stream.destroy(error))
  try {
    yield* source.pipe(stream) as AsyncIterable<Uint8Array>
  } finally {
    source.destroy()
    stream.destroy()
  }
}

/** Streams read later, on other threads. */
async function* copies(chunks: Bytes): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield Buffer.from(chunk)
}

/** Digest of an archive that is not kept. */
export async function digestOf(tar: Bytes): Promise<ReturnType<ReturnType<typeof hashing>['result']>> {
  const { bytes, result } = hashing(tar)
  const chunks = bytes[Symbol.asyncIterator]()
  while (!(await chunks.next()).done);
  return result()
}
