import type { ByteReader } from './byte-reader.js'
import { MAGIC_BYTES, detectCompression } from './compression.js'
import { gunzip } from './gunzip.js'
import { unzstd } from './unzstd.js'

/** A compression that magic numbers tell and images must not use. */
export class RefusedCompression extends Error {
  constructor(readonly compression: string) {
    super(`${compression} is not supported`)
  }
}

/**
 * Undo whatever compression the magic number tells.
 *
 * @throws RefusedCompression, CorruptData, and what the source throws
 */
export async function* decompress(
  reader: ByteReader,
  members: 'all' | 'first' = 'all',
): AsyncGenerator<Uint8Array> {
  const compression = detectCompression(await reader.peek(MAGIC_BYTES))
  if (typeof compression === 'object') throw new RefusedCompression(compression.refused)
  if (compression === 'gzip') yield* gunzip(reader, members)
  else if (compression === 'zstd') yield* unzstd(reader)
  else for (let chunk = await reader.chunk(); chunk; chunk = await reader.chunk()) yield chunk
}
