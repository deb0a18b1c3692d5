import { crc32 } from 'node:zlib'
import type { Bytes } from '../interfaces/common.js'
import { getNative } from '../native/loader.js'

/** Levels of zlib that images are made with: 6 its default, 1 the fastest. */
export type GzipLevel = 1 | 6

const outputBytes = 64 * 1024

/** Raw deflate (RFC 1951), piece by piece. */
interface Deflater {
  push(chunk: Uint8Array): Iterable<Uint8Array>
  end(): Iterable<Uint8Array>
}

/**
 * Compress into one gzip member, with the bytes that zlib 1.2/1.3 as published gives, on every machine and with
 * every version of Node. Node's own zlib is Chromium's, whose output differs from that and depends on the processor.
 * The native addon gives the same bytes at zlib's speed, JavaScript at a third of it. No name, no time; the operating
 * system is "unknown", as Rust's flate2 writes it.
 *
 * @param source chunks of 64 KiB and more are best; the bytes do not depend on how they come
 * @param options.native `false`: in JavaScript
 * @see RFC 1952 section 2.3
 */
export async function* gzipStream(
  source: Bytes,
  level: GzipLevel = 6,
  options: { readonly native?: boolean } = {},
): AsyncGenerator<Uint8Array> {
  const deflater = (options.native === false ? undefined : nativeDeflater(level)) ?? (await jsDeflater(level))
  yield Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, level === 1 ? 4 : 0, 0xff)
  let sum = 0
  let bytes = 0
  for await (const chunk of source) {
    sum = crc32(chunk, sum)
    bytes += chunk.length
    yield* deflater.push(chunk)
  }
  yield* deflater.end()
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(sum >>> 0, 0)
  trailer.writeUInt32LE(bytes % 2 ** 32, 4)
  yield trailer
}

function nativeDeflater(level: GzipLevel): Deflater | undefined {
  const encoder = getNative()?.createDeflateEncoder?.(level)
  if (encoder === undefined) return undefined
  const some = (bytes: Buffer): Buffer[] => (bytes.length > 0 ? [bytes] : [])
  return { push: (chunk) => some(encoder.push(chunk)), end: () => some(encoder.end()) }
}

async function jsDeflater(level: GzipLevel): Promise<Deflater> {
  const { Deflate } = await import('pako')
  const ready: Uint8Array[] = []
  const deflate = new Deflate({ level, raw: true, chunkSize: outputBytes })
  deflate.onData = (chunk) => ready.push(chunk as Uint8Array)
  const push = (chunk: Uint8Array, isLast: boolean): Uint8Array[] => {
    deflate.push(chunk, isLast)
    return ready.splice(0)
  }
  return { push: (chunk) => push(chunk, false), end: () => push(new Uint8Array(0), true) }
}
