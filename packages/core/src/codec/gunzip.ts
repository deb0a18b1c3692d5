import { crc32, createInflateRaw } from 'node:zlib'
import type { ByteReader } from './byte-reader.js'
import { CorruptData } from './codec-errors.js'

const OUTPUT_CHUNK_BYTES = 256 * 1024
/** No writer fills these; a stream that never ends its name must not be buffered for ever. */
const MAX_HEADER_STRING_BYTES = 64 * 1024

const FLAG_HEADER_CRC = 2
const FLAG_EXTRA = 4
const FLAG_NAME = 8
const FLAG_COMMENT = 16
const FLAGS_RESERVED = 0xe0

/**
 * Decompress gzip: every member (or the first alone, leaving the rest unread). Zero bytes after the last
 * member are padding, anything else there is an error.
 *
 * Members are walked here rather than by zlib's own gunzip, which neither tells where a member ends nor
 * looks at what follows a zero byte.
 *
 * @throws CorruptData
 * @see RFC 1952
 */
export async function* gunzip(reader: ByteReader, members: 'all' | 'first'): AsyncGenerator<Uint8Array> {
  for (;;) {
    await readHeader(reader)
    yield* inflateMember(reader)
    if (members === 'first') return
    const next = await reader.peek(1)
    if (next.length === 0) return
    if (next[0] === 0) return expectZeros(reader)
  }
}

async function readHeader(reader: ByteReader): Promise<void> {
  const header = await need(reader, 10)
  if (header[0] !== 0x1f || header[1] !== 0x8b) throw new CorruptData('no gzip member where one should start')
  if (header[2] !== 8) throw new CorruptData(`unknown gzip method ${header[2]}`)
  const flags = header[3]!
  if (flags & FLAGS_RESERVED) throw new CorruptData('reserved gzip flags are set')
  let crc = crc32(header)
  const read = async (count: number): Promise<Uint8Array> => {
    const bytes = await need(reader, count)
    crc = crc32(bytes, crc)
    return bytes
  }
  if (flags & FLAG_EXTRA) {
    const length = await read(2)
    await read(length[0]! | (length[1]! << 8))
  }
  for (const flag of [FLAG_NAME, FLAG_COMMENT]) {
    if (!(flags & flag)) continue
    for (let i = 0; (await read(1))[0] !== 0; i++) {
      if (i === MAX_HEADER_STRING_BYTES) throw new CorruptData('endless gzip header')
    }
  }
  if (flags & FLAG_HEADER_CRC) {
    const expected = crc & 0xffff
    const stored = await need(reader, 2)
    if ((stored[0]! | (stored[1]! << 8)) !== expected) throw new CorruptData('wrong gzip header checksum')
  }
}

async function* inflateMember(reader: ByteReader): AsyncGenerator<Uint8Array> {
  const inflate = createInflateRaw({ chunkSize: OUTPUT_CHUNK_BYTES })
  let sourceError: { readonly reason: unknown } | undefined

  // zlib wants to be fed while it is read. Bytes behind the member's end go back to the reader.
  const feed = async (): Promise<void> => {
    let fedBytes = 0
    for (;;) {
      let chunk: Uint8Array | undefined
      try {
        chunk = await reader.chunk()
      } catch (reason) {
        sourceError = { reason }
        inflate.destroy()
        return
      }
      if (chunk === undefined) {
        inflate.end()
        return
      }
      fedBytes += chunk.length
      await new Promise<void>((resolve, reject) => {
        inflate.write(chunk, (error) => (error ? reject(error) : resolve()))
      })
      const unusedBytes = fedBytes - inflate.bytesWritten
      if (unusedBytes > 0) {
        reader.unread(chunk.subarray(chunk.length - unusedBytes))
        return
      }
    }
  }
  let crc = 0
  let sizeBytes = 0
  try {
    feed().catch(() => undefined) // an error of inflate itself shows in the loop below
    for await (const chunk of inflate as AsyncIterable<Buffer>) {
      crc = crc32(chunk, crc)
      sizeBytes += chunk.length
      yield chunk
    }
  } catch (error) {
    if (sourceError) throw sourceError.reason
    throw new CorruptData('damaged deflate data', { cause: error })
  } finally {
    inflate.destroy()
  }
  const trailer = Buffer.from(await need(reader, 8))
  if (trailer.readUInt32LE(0) !== crc >>> 0) throw new CorruptData('wrong gzip checksum')
  if (trailer.readUInt32LE(4) !== sizeBytes % 2 ** 32) throw new CorruptData('wrong gzip length')
}

async function expectZeros(reader: ByteReader): Promise<void> {
  for (let chunk = await reader.chunk(); chunk; chunk = await reader.chunk()) {
    if (chunk.some((byte) => byte !== 0)) throw new CorruptData('garbage after the last gzip member')
  }
}

async function need(reader: ByteReader, count: number): Promise<Uint8Array> {
  const bytes = await reader.take(count)
  if (bytes === undefined) throw new CorruptData('gzip data ends early')
  return bytes
}
