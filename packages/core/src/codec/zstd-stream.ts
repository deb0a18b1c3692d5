import type { Bytes } from '../interfaces/common.js'
import { ByteReader } from './byte-reader.js'
import { unzstd } from './unzstd.js'

/**
 * Decompress zstd (all frames) in steps of at most 128 KiB, in JavaScript: nothing that the data claims decides
 * about memory, up to libzstd's default window of 128 MiB.
 *
 * @throws Error for damage; errors of the source pass
 */
export async function* unzstdStream(source: Bytes): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(source)
  try {
    yield* unzstd(reader)
  } finally {
    await reader.close()
  }
}
