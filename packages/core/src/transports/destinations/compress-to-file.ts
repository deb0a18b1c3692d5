import { Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import { hashing, readFileSlice } from '../../codec/index.js'
import type { Bytes, Digest } from '../../interfaces/common.js'
import { namelessFile, sliceOfHandle } from '../nameless-file.js'

export interface CompressedFile {
  readonly digest: Digest
  readonly size: number
  readonly bytes: Bytes
  /** Drop it. */
  remove(): Promise<void>
}

/** A tar as a gzip blob in a nameless file, since its digest has to be known before it can be named. */
export async function compressToFile(
  tar: Bytes,
  options: { readonly temporaryDir?: string | undefined; readonly signal?: AbortSignal | undefined },
): Promise<CompressedFile> {
  const file = await namelessFile(options.temporaryDir ?? '/var/tmp')
  const gzip = createGzip()
  const source = Readable.from(tar, { objectMode: false })
  source.on('error', (error) => gzip.destroy(error))
  try {
    const packed = hashing(source.pipe(gzip) as AsyncIterable<Uint8Array>)
    for await (const chunk of packed.bytes) {
      options.signal?.throwIfAborted()
      await file.writeFile(chunk)
    }
    const { digest, sizeBytes } = packed.result()
    const bytes = readFileSlice(sliceOfHandle(file, sizeBytes))
    return { digest, size: sizeBytes, bytes, remove: () => file.close() }
  } catch (error) {
    // Whatever it has open: a pipe does not tell its source that nobody reads any more.
    source.destroy()
    await file.close()
    throw error
  }
}
