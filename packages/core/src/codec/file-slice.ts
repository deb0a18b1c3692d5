import { open } from 'node:fs/promises'
import type { Bytes } from '../interfaces/common.js'
import type { BlobSource } from '../interfaces/transport.js'

const CHUNK_BYTES = 1024 * 1024

/** Part of a local file; ends early when the file does. */
export async function* readFileSlice(file: NonNullable<BlobSource['file']>): AsyncGenerator<Uint8Array> {
  const handle = await open(file.hostPath, 'r')
  try {
    let position = file.offsetBytes
    const end = file.offsetBytes + file.sizeBytes
    while (position < end) {
      const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - position))
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, position)
      if (bytesRead === 0) return
      position += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await handle.close()
  }
}

/** A blob in a local file, which native code may read by itself. */
export function fileSource(
  file: NonNullable<BlobSource['file']>,
): BlobSource & { readonly file: typeof file } {
  const bytes: Bytes = { [Symbol.asyncIterator]: () => readFileSlice(file) }
  return { file, [Symbol.asyncIterator]: () => bytes[Symbol.asyncIterator]() }
}
