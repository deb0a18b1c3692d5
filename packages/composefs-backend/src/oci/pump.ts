import type { LayerTar, OpOptions } from '@bootc-sdk/core'
import { createTarParser } from '@bootc-sdk/core/tar'
import type { LayerSplitter } from './split-layer.js'

const progressIntervalMs = 100

/**
 * Drive a splitter with a whole layer. The parser runs synchronously over each chunk; waiting happens between
 * chunks only. Returns after the layer's own end: whoever checks digests has seen all bytes and was content.
 *
 * @param options `id`: the layer, for progress
 */
export async function pumpLayer(
  tar: LayerTar,
  splitter: LayerSplitter,
  options: OpOptions & { readonly id: string },
): Promise<void> {
  const parser = createTarParser(splitter)
  let reported = Date.now()
  const report = (done: boolean): void =>
    options.onProgress?.({
      type: 'import:layer',
      detail: { id: options.id, entries: splitter.entries, done },
    })
  const afterChunk = async (): Promise<void> => {
    await splitter.settle()
    options.signal?.throwIfAborted()
    const now = Date.now()
    if (now - reported < progressIntervalMs) return
    reported = now
    report(false)
  }
  if (tar.leases === undefined) {
    for await (const chunk of tar) {
      parser.push(plain(chunk))
      splitter.flush()
      await afterChunk()
    }
  } else {
    for await (const lease of tar.leases()) {
      try {
        parser.push(plain(lease.data))
        splitter.flush()
      } finally {
        lease.release()
      }
      await afterChunk()
    }
  }
  parser.end()
  await splitter.finish()
  report(true)
}

/** Views of a plain array are made much faster than those of a Buffer. */
function plain({ buffer, byteOffset, length }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length)
}
