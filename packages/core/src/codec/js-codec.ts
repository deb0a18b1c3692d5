import type { BlobSource } from '../interfaces/transport.js'
import { digestAlgorithm } from '../oci/digest.js'
import { ByteReader } from './byte-reader.js'
import {
  CorruptData,
  compressionUnsupported,
  diffIdMismatch,
  layerCorrupt,
  layerTooLarge,
} from './codec-errors.js'
import { RefusedCompression, decompress } from './decompress.js'
import { RunningDigest } from './hashing.js'
import { MeasuredBlob } from './measured-blob.js'
import { DEFAULT_MAX_OUTPUT_BYTES } from './types.js'
import type { Codec, DecodeOptions, ExpectedLayer } from './types.js'

/** Decoding with Node's zlib and crypto and fzstd: works everywhere, the slower of the two. */
export function jsCodec(): Codec {
  return {
    name: 'js',
    decodeLayer: (source, expected, options = {}) => ({
      [Symbol.asyncIterator]: () => decode(source, expected, options),
    }),
  }
}

async function* decode(
  source: BlobSource,
  expected: ExpectedLayer,
  options: DecodeOptions,
): AsyncGenerator<Uint8Array> {
  const limitBytes = options.maxOutputBytes ?? DEFAULT_MAX_OUTPUT_BYTES
  const members = options.gzipMembers ?? 'all'
  const blob = new MeasuredBlob(source, expected, options)
  const reader = new ByteReader(blob.bytes)
  const tar = new RunningDigest(expected.diffId ? digestAlgorithm(expected.diffId) : 'sha256')
  try {
    try {
      for await (const chunk of decompress(reader, members)) {
        options.signal?.throwIfAborted()
        if (tar.bytes + chunk.length > limitBytes) throw layerTooLarge(expected, limitBytes)
        tar.update(chunk)
        yield chunk
      }
      await reader.drain()
    } catch (error) {
      if (error instanceof RefusedCompression) throw compressionUnsupported(expected, error.compression)
      if (!(error instanceof CorruptData)) throw error
      // Damage in transit shows in size or digest; only a blob that was published broken is corrupt.
      await reader.drain()
      blob.check(error)
      throw layerCorrupt(expected, error)
    }
    blob.check()
    const actual = tar.digest()
    if (expected.diffId && members === 'all' && actual !== expected.diffId) {
      throw diffIdMismatch(expected.digest, expected.diffId, actual)
    }
  } finally {
    await reader.close()
  }
}
