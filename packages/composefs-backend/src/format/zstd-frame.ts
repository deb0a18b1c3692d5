/** A frame header as libzstd writes it for a stream of unknown length: no checksum, window of 2 MiB. */
const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58])
const maxBlockBytes = 128 * 1024

/**
 * What libzstd makes of no input at all. It fits the frame's window to the input, which is known by the first
 * call when that is also the last: a content size of 0 in one byte.
 */
export const emptyZstdFrame: Uint8Array = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x00, 0x01, 0x00, 0x00])

/** Puts bytes into a zstd frame uncompressed, for want of a compressor: valid for every reader. @see RFC 8878 */
export class RawZstdEncoder {
  #started = false

  push(chunk: Uint8Array): Buffer {
    const parts: Uint8Array[] = []
    this.#start(parts)
    for (let at = 0; at < chunk.length; at += maxBlockBytes) {
      const block = chunk.subarray(at, at + maxBlockBytes)
      parts.push(blockHeader(block.length, false), block)
    }
    return Buffer.concat(parts)
  }

  end(): Buffer {
    if (!this.#started) return Buffer.from(emptyZstdFrame)
    return blockHeader(0, true)
  }

  #start(parts: Uint8Array[]): void {
    if (!this.#started) parts.push(header)
    this.#started = true
  }
}

/** Type raw (0); bit 0 marks the last block. */
function blockHeader(length: number, last: boolean): Buffer {
  const bytes = Buffer.alloc(3)
  bytes.writeUIntLE((length << 3) | (last ? 1 : 0), 0, 3)
  return bytes
}
