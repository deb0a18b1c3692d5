import * as zlib from 'node:zlib'
import { emptyZstdFrame, RawZstdEncoder } from '../format/zstd-frame.js'
import type { NativeAccess } from '@bootc-sdk/core/store-kit'

/** What composefs-rs uses: libzstd's default. */
const level = 3

/** Compresses into one frame. What comes out may come later than what was put in. */
export interface StreamEncoder {
  /** Bytes that are ready; often none. The chunk may be used again afterwards. */
  push(chunk: Uint8Array): Uint8Array
  /** The rest. */
  end(): Promise<Uint8Array>
}

/**
 * The compressor at hand: the addon's or Node's (22.15), both libzstd as a stream, so that the bytes, and with
 * them object ids, are those of composefs-rs (composefs.md 5.2); else frames without compression.
 */
export function openZstdEncoder(native: NativeAccess | undefined): StreamEncoder {
  if (native !== undefined) {
    const encoder = native.addon.createZstdEncoder(level)
    return { push: (chunk) => encoder.push(chunk), end: async () => encoder.end() }
  }
  if (typeof createZstd === 'function') return new NodeZstdEncoder(createZstd())
  const encoder = new RawZstdEncoder()
  return { push: (chunk) => encoder.push(chunk), end: async () => encoder.end() }
}

/** Not in the types of the oldest Node that is supported. */
const createZstd = (zlib as { createZstdCompress?: () => zlib.Gzip }).createZstdCompress

const none = Buffer.alloc(0)

class NodeZstdEncoder implements StreamEncoder {
  readonly #stream: zlib.Gzip
  readonly #out: Buffer[] = []
  readonly #ended: Promise<void>
  #written: Promise<void> | undefined

  constructor(stream: zlib.Gzip) {
    this.#stream = stream
    this.#ended = new Promise((resolve, reject) => {
      stream.on('data', (chunk: Buffer) => this.#out.push(chunk))
      stream.on('end', resolve)
      stream.on('error', reject)
    })
    this.#ended.catch(() => undefined)
  }

  push(chunk: Uint8Array): Uint8Array {
    if (chunk.length > 0) {
      // It is read on another thread, later.
      const copy = Buffer.from(chunk)
      this.#written = new Promise((resolve, reject) => {
        this.#stream.write(copy, (error) => (error ? reject(error) : resolve()))
      })
      this.#written.catch(() => undefined)
    }
    return this.#take()
  }

  async end(): Promise<Uint8Array> {
    if (this.#written === undefined) {
      this.#stream.destroy()
      return emptyZstdFrame
    }
    // Ended together with its last chunk, libzstd would know the size of a short stream and write it down.
    await this.#written
    this.#stream.end()
    await this.#ended
    return this.#take()
  }

  #take(): Uint8Array {
    return this.#out.length === 0 ? none : Buffer.concat(this.#out.splice(0))
  }
}
