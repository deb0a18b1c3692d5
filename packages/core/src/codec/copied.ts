import type { Bytes } from '../interfaces/common.js'

/** For readers that still look at a chunk when they ask for the next one: sources may use their buffers again. */
export async function* copied(chunks: Bytes): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield Uint8Array.from(chunk)
}
