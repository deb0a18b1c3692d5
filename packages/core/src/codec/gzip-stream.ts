import { crc32 } from 'node:zlib'
import type { Bytes } from '../interfaces/common.js'

/** Levels of zlib that images are made with: 6 its default, 1 the fastest. */
export type GzipLevel = 1 | 6

const outputBytes = 64 * 1024

/**
 * Compress into one gzip member, with the bytes that zlib 1.2/1.3 as published gives, on every machine and with
 * every version of Node. Node's own zlib is Chromium's, whose output differs from that and depends on the processor;
 * the price is a third of its speed. No name, no time; the operating system is "unknown", as Rust's flate2 writes it.
 *
 * @param source chunks of 64 KiB and more are best; the bytes do not depend on how they come
 * @see RFC 1952 section 2.3
 */
export async function* gzipStream(source: Bytes, level: GzipLevel = 6): AsyncGenerator<Uint8Array> {
  const { Deflate } = await import('pako')
  const ready: Uint8Array[] = []
  const deflate = new Deflate({ level, raw: true, chunkSize: outputBytes })
  deflate.onData = (chunk) => ready.push(chunk as Uint8Array)
  yield Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, level === 1 ? 4 : 0, 0xff)
  let sum = 0
  let bytes = 0
  for await (const chunk of source) {
    sum = crc32(chunk, sum)
    bytes += chunk.length
    deflate.push(chunk, false)
    yield* ready.splice(0)
  }
  deflate.push(new Uint8Array(0), true)
  yield* ready.splice(0)
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(sum >>> 0, 0)
  trailer.writeUInt32LE(bytes % 2 ** 32, 4)
  yield trailer
}
