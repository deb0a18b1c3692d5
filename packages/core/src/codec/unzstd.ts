import type { Decompress } from 'fzstd'
import type { ByteReader } from './byte-reader.js'
import { CorruptData } from './codec-errors.js'

/** libzstd's own default limit (ZSTD_WINDOWLOG_LIMIT_DEFAULT, 27): what asks for more is refused. */
const MAX_WINDOW_BYTES = 128 * 1024 * 1024
const MAX_BLOCK_BYTES = 128 * 1024
const MAGIC = 0xfd2fb528
const SKIPPABLE_MAGIC = 0x184d2a50

/**
 * Decompress zstd: all frames to the end, skippable ones ignored (zstd:chunked ends with three of them).
 *
 * Frames and blocks are walked here and handed to fzstd one block at a time, so that one step never yields
 * more than 128 KiB however small the input (a 4-byte block may stand for 128 KiB). Content checksums are
 * not compared: digest and diffId cover the same bytes.
 *
 * @throws CorruptData
 * @see RFC 8878 section 3
 */
export async function* unzstd(reader: ByteReader): AsyncGenerator<Uint8Array> {
  // Some 15 ms to load, wanted only where the native codec is not.
  const fzstd = await import('fzstd')
  for (;;) {
    const start = await reader.peek(4)
    if (start.length === 0) return
    const magic = readUint(await need(reader, 4), 0, 4)
    if (magic === MAGIC) yield* frame(reader, fzstd.Decompress)
    else if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) await skip(reader)
    else throw new CorruptData('no zstd frame where one should start')
  }
}

async function skip(reader: ByteReader): Promise<void> {
  let left = readUint(await need(reader, 4), 0, 4)
  while (left > 0) {
    const chunk = await reader.chunk()
    if (chunk === undefined) throw new CorruptData('zstd data ends in a skippable frame')
    if (chunk.length > left) reader.unread(chunk.subarray(left))
    left -= Math.min(left, chunk.length)
  }
}

async function* frame(reader: ByteReader, Decoder: typeof Decompress): AsyncGenerator<Uint8Array> {
  const header = await readFrameHeader(reader)
  const blocks: Uint8Array[] = []
  const decoder = new Decoder((data) => {
    if (data.length > 0) blocks.push(data)
  })
  const push = (bytes: Uint8Array, final = false): void => {
    try {
      decoder.push(bytes, final)
    } catch (error) {
      throw new CorruptData('damaged zstd data', { cause: error })
    }
  }
  let outputBytes = 0
  push(header.bytes)
  for (let last = false; !last;) {
    const blockHeader = await need(reader, 3)
    const bits = readUint(blockHeader, 0, 3)
    last = (bits & 1) === 1
    const type = (bits >> 1) & 3
    const size = bits >> 3
    if (type === 3 || size > MAX_BLOCK_BYTES) throw new CorruptData('bad zstd block')
    const content = await need(reader, type === 1 ? 1 : size)
    push(Buffer.concat([blockHeader, content]))
    if (last) push((header.hasChecksum && (await need(reader, 4))) || new Uint8Array(0), true)
    for (const block of blocks.splice(0)) {
      outputBytes += block.length
      yield block
    }
  }
  if (header.contentBytes !== undefined && header.contentBytes !== outputBytes) {
    throw new CorruptData('zstd frame differs from its stated size')
  }
}

interface FrameHeader {
  /** As read, magic included. */
  readonly bytes: Uint8Array
  readonly contentBytes: number | undefined
  readonly hasChecksum: boolean
}

async function readFrameHeader(reader: ByteReader): Promise<FrameHeader> {
  const descriptor = (await need(reader, 1))[0]!
  const singleSegment = (descriptor & 0x20) !== 0
  if (descriptor & 8) throw new CorruptData('reserved zstd bit is set')
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!
  const sizeFlag = descriptor >> 6
  const sizeBytes = sizeFlag === 0 ? (singleSegment ? 1 : 0) : 1 << sizeFlag
  const windowBytes = singleSegment ? 0 : 1
  const rest = await need(reader, windowBytes + dictionaryBytes + sizeBytes)
  if (readUint(rest, windowBytes, dictionaryBytes) !== 0) throw new CorruptData('zstd needs a dictionary')
  const content = readUint(rest, windowBytes + dictionaryBytes, sizeBytes) + (sizeBytes === 2 ? 256 : 0)
  let window = content
  if (!singleSegment) {
    const base = 2 ** (10 + (rest[0]! >> 3))
    window = base + (base / 8) * (rest[0]! & 7)
  }
  if (window > MAX_WINDOW_BYTES) throw new CorruptData(`zstd window of ${window} bytes`)
  const magic = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, descriptor)
  return {
    bytes: Buffer.concat([magic, rest]),
    contentBytes: sizeBytes === 0 ? undefined : content,
    hasChecksum: (descriptor & 4) !== 0,
  }
}

/** Little-endian; exact up to 2^53, and larger ones are refused by their callers anyway. */
function readUint(bytes: Uint8Array, offset: number, length: number): number {
  let value = 0
  for (let i = length - 1; i >= 0; i--) value = value * 256 + bytes[offset + i]!
  return value
}

async function need(reader: ByteReader, count: number): Promise<Uint8Array> {
  const bytes = await reader.take(count)
  if (bytes === undefined) throw new CorruptData('zstd data ends early')
  return bytes
}
