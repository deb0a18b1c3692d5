import type { NativeAddon, NativeDecoder } from '@bootc-sdk/native'
import type { Lease } from '../interfaces/store.js'
import type { BlobSource } from '../interfaces/transport.js'
import { digestAlgorithm } from '../oci/digest.js'
import { ByteReader } from './byte-reader.js'
import {
  compressionUnsupported,
  diffIdMismatch,
  digestMismatch,
  layerCorrupt,
  layerTooLarge,
  sizeMismatch,
} from './codec-errors.js'
import { MAGIC_BYTES, detectCompression } from './compression.js'
import { DecoderLeases } from './decoder-leases.js'
import { readFileSlice } from './file-slice.js'
import { jsCodec } from './js-codec.js'
import { MeasuredBlob } from './measured-blob.js'
import { DEFAULT_MAX_OUTPUT_BYTES } from './types.js'
import type { Codec, DecodeOptions, ExpectedLayer } from './types.js'

/** Decoding on the addon's own threads into memory outside the JS heap. */
export function nativeCodec(addon: NativeAddon): Codec {
  const fallback = jsCodec()
  return {
    name: 'native',
    decodeLayer(source, expected, options = {}) {
      // The addon hashes with SHA-256 only and knows no half-read gzip; both are rare.
      const unusual = [expected.digest, expected.diffId].some((d) => d && digestAlgorithm(d) !== 'sha256')
      if (unusual || options.gzipMembers === 'first') return fallback.decodeLayer(source, expected, options)
      return {
        leases: () => leases(addon, source, expected, options),
        [Symbol.asyncIterator]: () => copies(leases(addon, source, expected, options)),
      }
    },
  }
}

async function* copies(source: AsyncIterable<Lease>): AsyncGenerator<Uint8Array> {
  for await (const lease of source) {
    const copy = Uint8Array.from(lease.data)
    lease.release()
    yield copy
  }
}

async function* leases(
  addon: NativeAddon,
  source: BlobSource,
  expected: ExpectedLayer,
  options: DecodeOptions,
): AsyncGenerator<Lease> {
  const { signal, maxOutputBytes: limitBytes = DEFAULT_MAX_OUTPUT_BYTES } = options
  signal?.throwIfAborted()
  const input = source.file
    ? new FileInput(source.file, expected, options)
    : new StreamInput(source, expected, options)
  let blocks: DecoderLeases | undefined
  const onAbort = (): void => blocks?.stop()
  signal?.addEventListener('abort', onAbort)
  try {
    const compression = detectCompression(await input.head())
    if (typeof compression === 'object') throw compressionUnsupported(expected, compression.refused)
    const decoder = addon.createDecoder({ compression, maxOutputBytes: limitBytes })
    blocks = new DecoderLeases(decoder)
    try {
      input.start(decoder, blocks)
      for (let lease = await blocks.next(); lease; lease = await blocks.next()) yield lease
      signal?.throwIfAborted()
      input.throwIfFailed()
    } catch (error) {
      signal?.throwIfAborted()
      input.throwIfFailed()
      if (hasCode(error, ['LIMIT']) && !isWindowLimit(error)) throw layerTooLarge(expected, limitBytes)
      if (!hasCode(error, ['CORRUPT', 'TRUNCATED', 'LIMIT'])) throw error
      // Damage in transit shows in size or digest; only a blob that was published broken is corrupt.
      blocks.stop()
      await input.check(error)
      throw layerCorrupt(expected, error)
    }
    const result = decoder.result()
    await input.check(undefined, result)
    const diffId = `sha256:${result.uncompressedSha256}`
    if (expected.diffId && diffId !== expected.diffId) {
      throw diffIdMismatch(expected.digest, expected.diffId, diffId)
    }
  } finally {
    signal?.removeEventListener('abort', onAbort)
    blocks?.stop()
    await input.close()
  }
}

/** Where compressed bytes come from, and how to judge them. */
interface Input {
  /** First bytes, for the magic numbers. */
  head(): Promise<Uint8Array>
  start(decoder: NativeDecoder, blocks: DecoderLeases): void
  /** The source's own error, when that is what ended the stream. */
  throwIfFailed(): void
  /** @throws `IMAGE_SIZE_MISMATCH`, `IMAGE_DIGEST_MISMATCH`; without `result`, hashing whatever is left */
  check(cause: unknown, result?: ReturnType<NativeDecoder['result']>): Promise<void>
  close(): Promise<void>
}

/** Read by the decoder itself; hashed there, and once more here only when it cannot be decompressed. */
class FileInput implements Input {
  constructor(
    private readonly file: NonNullable<BlobSource['file']>,
    private readonly expected: ExpectedLayer,
    private readonly options: DecodeOptions,
  ) {
    if (file.sizeBytes !== expected.sizeBytes) {
      throw sizeMismatch(expected.digest, expected.sizeBytes, file.sizeBytes)
    }
  }

  async head(): Promise<Uint8Array> {
    const { file } = this
    const head = readFileSlice({ ...file, sizeBytes: Math.min(MAGIC_BYTES, file.sizeBytes) })
    const reader = new ByteReader(head)
    try {
      return await reader.peek(MAGIC_BYTES)
    } finally {
      await reader.close()
    }
  }

  start(decoder: NativeDecoder): void {
    decoder.readFile(this.file.hostPath, this.file.offsetBytes, this.file.sizeBytes)
  }

  throwIfFailed(): void {}

  async check(cause: unknown, result?: ReturnType<NativeDecoder['result']>): Promise<void> {
    const { digest, sizeBytes } = this.expected
    if (!result) {
      const blob = new MeasuredBlob(readFileSlice(this.file), this.expected, { signal: this.options.signal })
      await new ByteReader(blob.bytes).drain()
      return blob.check(cause)
    }
    this.options.onBytes?.(result.compressedBytes)
    if (result.compressedBytes !== sizeBytes) throw sizeMismatch(digest, sizeBytes, result.compressedBytes)
    const actual = `sha256:${result.compressedSha256}`
    if (actual !== digest) throw digestMismatch(digest, actual)
  }

  async close(): Promise<void> {}
}

/**
 * Pushed chunk by chunk. Hashed here as well as in the decoder, which has no digest to tell when
 * decompression fails half way.
 */
class StreamInput implements Input {
  readonly #source: BlobSource
  readonly #blob: MeasuredBlob
  readonly #reader: ByteReader
  #feeding: Promise<void> = Promise.resolve()
  #failed: { readonly reason: unknown } | undefined

  constructor(source: BlobSource, expected: ExpectedLayer, options: DecodeOptions) {
    this.#source = source
    this.#blob = new MeasuredBlob(source, expected, options)
    this.#reader = new ByteReader(this.#blob.bytes)
  }

  head(): Promise<Uint8Array> {
    return this.#reader.peek(MAGIC_BYTES)
  }

  start(_decoder: NativeDecoder, blocks: DecoderLeases): void {
    this.#feeding = this.#feed(blocks)
  }

  throwIfFailed(): void {
    if (this.#failed) throw this.#failed.reason
  }

  async check(cause: unknown): Promise<void> {
    await this.#feeding
    this.throwIfFailed()
    await this.#reader.drain()
    this.#blob.check(cause)
  }

  close(): Promise<void> {
    return this.#reader.close()
  }

  async #feed(blocks: DecoderLeases): Promise<void> {
    while (!blocks.stopping) {
      let chunk: Uint8Array | undefined
      try {
        chunk = await this.#reader.chunk()
      } catch (reason) {
        this.#failed = { reason }
        return blocks.stop()
      }
      if (chunk === undefined) return blocks.end()
      // What is wrong with the data is told by `next`.
      const pushed = blocks.push(chunk).catch(() => undefined)
      // The decoder has its own copy.
      this.#source.release?.(chunk)
      await pushed
    }
  }
}

/** A frame that asks for too large a window is refused before any output: no bomb, just unreadable. */
function isWindowLimit(error: unknown): boolean {
  return error instanceof Error && error.message.includes('window')
}

function hasCode(error: unknown, codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(error.code as string)
}
