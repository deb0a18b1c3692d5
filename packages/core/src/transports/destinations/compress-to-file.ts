import { createHash, randomBytes } from 'node:crypto'
import { open, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import { readFileSlice } from '../../codec/index.js'
import type { Bytes, Digest } from '../../interfaces/common.js'

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
  const path = join(options.temporaryDir ?? '/var/tmp', `.bootc-sdk-${randomBytes(8).toString('hex')}`)
  const file = await open(path, 'wx+', 0o600)
  try {
    await unlink(path)
    const hash = createHash('sha256')
    let size = 0
    const gzip = createGzip()
    const source = Readable.from(tar, { objectMode: false })
    source.on('error', (error) => gzip.destroy(error))
    for await (const chunk of source.pipe(gzip) as AsyncIterable<Buffer>) {
      options.signal?.throwIfAborted()
      hash.update(chunk)
      size += chunk.length
      await file.writeFile(chunk)
    }
    const bytes = readFileSlice({ hostPath: `/proc/self/fd/${file.fd}`, offsetBytes: 0, sizeBytes: size })
    return { digest: `sha256:${hash.digest('hex')}`, size, bytes, remove: () => file.close() }
  } catch (error) {
    await file.close()
    throw error
  }
}
