import { createInflateRaw, inflateRawSync, type InflateRaw } from 'node:zlib'
import type { Bytes } from '@bootc-sdk/core'
import { corrupt } from '../format/errors.js'

/**
 * Inflate a whole raw deflate stream.
 *
 * @param sizeBytes what must come out; guards against bombs
 * @throws BootcError `STORE_OSTREE_CORRUPT` for bad data, another size, or bytes after the end
 */
export function inflateWhole(data: Uint8Array, sizeBytes: number, what: string): Buffer {
  let out: Buffer
  let usedBytes: number
  try {
    const result = inflateRawSync(data, {
      info: true,
      maxOutputLength: Math.max(1, sizeBytes),
    }) as unknown as { buffer: Buffer; engine: InflateRaw }
    out = result.buffer
    usedBytes = result.engine.bytesWritten
  } catch (error) {
    throw corrupt(what, 'content does not inflate', error)
  }
  if (out.length !== sizeBytes) throw corrupt(what, `content of ${out.length} bytes, not ${sizeBytes}`)
  if (usedBytes !== data.length) throw corrupt(what, 'bytes after the compressed content')
  return out
}

/** The same, streamed. */
export async function* inflateStream(source: Bytes, sizeBytes: number, what: string): Bytes {
  const inflate = createInflateRaw()
  let fedBytes = 0
  // Set in a callback, which the compiler does not see.
  let failure = undefined as { readonly error: unknown } | undefined
  const feed = (async () => {
    try {
      for await (const chunk of source) {
        fedBytes += chunk.length
        if (inflate.destroyed) return
        if (!inflate.write(chunk)) {
          await new Promise<void>((resolve) => {
            inflate.once('drain', resolve)
            inflate.once('close', resolve)
          })
        }
      }
      inflate.end()
    } catch (error) {
      failure = { error }
      inflate.destroy(new Error('source failed'))
    }
  })()
  let outBytes = 0
  try {
    for await (const chunk of inflate as AsyncIterable<Buffer>) {
      outBytes += chunk.length
      if (outBytes > sizeBytes) throw corrupt(what, `content is longer than ${sizeBytes} bytes`)
      yield chunk
    }
    await feed
  } catch (error) {
    if (failure !== undefined) throw failure.error
    const { code } = error as { code?: unknown }
    if (typeof code === 'string' && code.startsWith('Z_'))
      throw corrupt(what, 'content does not inflate', error)
    throw error
  } finally {
    inflate.destroy()
    await feed
  }
  if (outBytes !== sizeBytes) throw corrupt(what, `content of ${outBytes} bytes, not ${sizeBytes}`)
  if (inflate.bytesWritten !== fedBytes) throw corrupt(what, 'bytes after the compressed content')
}
