import { ByteReader } from '../../codec/byte-reader.js'
import { CorruptData } from '../../codec/codec-errors.js'
import { RefusedCompression, decompress } from '../../codec/decompress.js'
import { readFileSlice } from '../../codec/index.js'
import { BootcError } from '../../errors.js'
import { layoutInvalid } from '../transport-errors.js'
import type { FileSlice } from './file-locator.js'

/**
 * The content of a compressed file, or of a part of one.
 *
 * @param options `path` and `what` for messages: the archive, and what of it this is
 * @throws `IMAGE_LAYOUT_INVALID`, `IMAGE_TOO_LARGE`, `IMAGE_COMPRESSION_UNSUPPORTED`
 */
export async function* unpacked(
  slice: FileSlice,
  {
    path,
    what = path,
    maxBytes,
  }: { readonly path: string; readonly what?: string; readonly maxBytes: number },
): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(readFileSlice(slice))
  let bytes = 0
  try {
    for await (const chunk of decompress(reader)) {
      bytes += chunk.length
      if (bytes > maxBytes) throw tooLarge(path, what, maxBytes)
      yield chunk
    }
  } catch (error) {
    if (error instanceof CorruptData) throw layoutInvalid(path, `damaged compression of ${what}`, {}, error)
    if (!(error instanceof RefusedCompression)) throw error
    const { compression } = error
    throw new BootcError('IMAGE_COMPRESSION_UNSUPPORTED', `${what} is compressed with ${compression}`, {
      details: { path, compression },
    })
  } finally {
    await reader.close()
  }
}

function tooLarge(path: string, what: string, limitBytes: number): BootcError {
  return new BootcError('IMAGE_TOO_LARGE', `${what} is larger than ${limitBytes} bytes when unpacked`, {
    details: { path, limitBytes },
  })
}
