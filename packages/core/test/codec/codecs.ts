import { createHash, randomBytes } from 'node:crypto'
import { getNative } from '../../src/native/loader.js'
import { jsCodec, nativeCodec } from '../../src/codec/index.js'
import type { Codec, DecodeOptions, ExpectedLayer } from '../../src/codec/index.js'
import type { BlobSource, Digest } from '../../src/index.js'

const addon = getNative()

/** Both codecs run the same tests; without the addon its half is skipped, which CI does not accept. */
export const codecs: readonly { readonly name: string; readonly codec: Codec | undefined }[] = [
  { name: 'js', codec: jsCodec() },
  { name: 'native', codec: addon && nativeCodec(addon) },
]
if (!addon && process.env.CI && process.env.BOOTC_SDK_NATIVE !== '0')
  throw new Error('the addon is not built')

export function sha256(data: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`
}

/** `data` in pieces of `pieceBytes`. */
export async function* pieces(data: Uint8Array, pieceBytes = 64 * 1024): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < data.length; at += pieceBytes)
    yield Uint8Array.from(data.subarray(at, at + pieceBytes))
}

export function expectedOf(blob: Uint8Array, tar?: Uint8Array): ExpectedLayer {
  return { digest: sha256(blob), sizeBytes: blob.length, ...(tar ? { diffId: sha256(tar) } : {}) }
}

export async function decode(
  codec: Codec,
  source: BlobSource,
  expected: ExpectedLayer,
  options?: DecodeOptions,
): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of codec.decodeLayer(source, expected, options)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** Neither all alike nor incompressible. */
export function sampleTar(sizeBytes: number): Buffer {
  const data = Buffer.alloc(sizeBytes)
  for (let at = 0; at < sizeBytes; at += 4096) randomBytes(1024).copy(data, at)
  return data
}
