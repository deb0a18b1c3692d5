import { gzipSync } from 'node:zlib'
import { getNative } from '../native/loader.js'

export type LayerCompression = 'gzip' | 'zstd' | 'none'

/** Compress a fixture. zstd comes from the addon where there is one, else from `zstdStore`. */
export function compressLayer(data: Uint8Array, compression: LayerCompression): Uint8Array {
  if (compression === 'none') return data
  if (compression === 'gzip') return gzipSync(data, { level: 6 })
  return getNative()?.zstdCompress(data, 3) ?? zstdStore(data)
}

const BLOCK_BYTES = 128 * 1024

/**
 * A zstd frame of raw and run-length blocks: valid for every decoder, and made without a compressor. Runs of
 * one byte shrink 32768 to 1, which makes bombs cheap too.
 *
 * @see RFC 8878 section 3.1.1
 */
export function zstdStore(data: Uint8Array): Uint8Array {
  // No checksum, no content size, window of 128 KiB (exponent 7).
  const parts: Uint8Array[] = [Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x00, 7 << 3)]
  for (let start = 0; start === 0 || start < data.length; start += BLOCK_BYTES) {
    const block = data.subarray(start, start + BLOCK_BYTES)
    const isLast = start + BLOCK_BYTES >= data.length
    const isRun = block.length > 1 && block.every((byte) => byte === block[0])
    parts.push(blockHeader(isLast, isRun ? 1 : 0, block.length), isRun ? block.subarray(0, 1) : block)
  }
  return Buffer.concat(parts)
}

/** Many frames' worth of zeros in few bytes: `sizeBytes` (a multiple of 128 KiB) of zeros. */
export function zstdBomb(sizeBytes: number): Uint8Array {
  const blocks = sizeBytes / BLOCK_BYTES
  const frame = Buffer.alloc(6 + blocks * 4)
  frame.set([0x28, 0xb5, 0x2f, 0xfd, 0x00, 7 << 3])
  for (let i = 0; i < blocks; i++) frame.set(blockHeader(i === blocks - 1, 1, BLOCK_BYTES), 6 + i * 4)
  return frame
}

/** A skippable frame, as zstd:chunked appends. */
export function zstdSkippable(data: Uint8Array): Uint8Array {
  const header = Buffer.alloc(8)
  header.writeUInt32LE(0x184d2a50, 0)
  header.writeUInt32LE(data.length, 4)
  return Buffer.concat([header, data])
}

function blockHeader(isLast: boolean, type: 0 | 1, size: number): Uint8Array {
  const bits = (size << 3) | (type << 1) | (isLast ? 1 : 0)
  return Uint8Array.of(bits & 0xff, (bits >> 8) & 0xff, bits >> 16)
}
