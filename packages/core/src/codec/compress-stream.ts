import { Readable } from 'node:stream'
import * as zlib from 'node:zlib'
import { BootcError } from '../errors.js'
import type { Bytes } from '../interfaces/common.js'
import { getNative } from '../native/loader.js'
import { copied } from './copied.js'
import { gzipStream } from './gzip-stream.js'

/** `gzip-fast` is zlib's level 1. */
export type LayerCompression = 'gzip' | 'gzip-fast' | 'zstd' | 'none'

/** libzstd's default, which is also that of podman and buildah. */
const zstdLevel = 3

/** Not in the types of the oldest Node that is supported. */
const createZstd = (zlib as { createZstdCompress?: () => zlib.Gzip }).createZstdCompress

/**
 * Compress a tar for an image. Same input, same bytes: for gzip always, for zstd with the same version of libzstd.
 *
 * @throws BootcError `IMAGE_COMPRESSION_UNSUPPORTED` for zstd with neither the native addon nor Node 22.15
 */
export function compressStream(source: Bytes, compression: LayerCompression): Bytes {
  switch (compression) {
    case 'gzip':
      return gzipStream(source, 6)
    case 'gzip-fast':
      return gzipStream(source, 1)
    case 'zstd':
      return zstdStream(source)
    case 'none':
      return source
  }
}

async function* zstdStream(source: Bytes): AsyncGenerator<Uint8Array> {
  const native = getNative()
  if (native !== undefined) {
    const encoder = native.createZstdEncoder(zstdLevel)
    for await (const chunk of source) {
      const ready = encoder.push(chunk)
      if (ready.length > 0) yield ready
    }
    yield encoder.end()
    return
  }
  if (createZstd === undefined) {
    throw new BootcError('IMAGE_COMPRESSION_UNSUPPORTED', 'zstd needs the native addon, or Node 22.15', {
      details: { compression: 'zstd' },
    })
  }
  const encoder = createZstd()
  const input = Readable.from(copied(source), { objectMode: false })
  input.on('error', (error) => encoder.destroy(error))
  try {
    yield* input.pipe(encoder) as AsyncIterable<Uint8Array>
  } finally {
    input.destroy()
    encoder.destroy()
  }
}
