import { BootcError } from '../errors.js'
import type { ExpectedLayer } from './types.js'

// One place for both codecs, so that their errors cannot drift apart.

export function sizeMismatch(digest: string, expectedBytes: number, actualBytes: number): BootcError {
  return new BootcError(
    'IMAGE_SIZE_MISMATCH',
    `${digest} has ${actualBytes > expectedBytes ? 'more than ' : ''}${Math.min(actualBytes, expectedBytes)} bytes, ` +
      `its descriptor says ${expectedBytes}`,
    { details: { digest, expectedBytes, actualBytes } },
  )
}

export function digestMismatch(expected: string, actual: string, cause?: unknown): BootcError {
  return new BootcError('IMAGE_DIGEST_MISMATCH', `expected ${expected}, the bytes hash to ${actual}`, {
    details: { expected, actual },
    cause,
  })
}

export function diffIdMismatch(layer: string, expected: string, actual: string): BootcError {
  return new BootcError(
    'IMAGE_DIFFID_MISMATCH',
    `layer ${layer} decompresses to ${actual}, the image config says ${expected}`,
    { details: { digest: layer, expected, actual } },
  )
}

export function layerCorrupt(expected: ExpectedLayer, cause: unknown): BootcError {
  return new BootcError('IMAGE_LAYER_CORRUPT', `layer ${expected.digest} cannot be decompressed`, {
    details: { digest: expected.digest },
    cause,
  })
}

export function layerTooLarge(expected: ExpectedLayer, limitBytes: number): BootcError {
  return new BootcError(
    'IMAGE_TOO_LARGE',
    `layer ${expected.digest} is larger than ${limitBytes} bytes when decompressed`,
    { details: { digest: expected.digest, limitBytes } },
  )
}

export function compressionUnsupported(expected: ExpectedLayer, compression: string): BootcError {
  return new BootcError(
    'IMAGE_COMPRESSION_UNSUPPORTED',
    `layer ${expected.digest} is compressed with ${compression}; gzip, zstd and plain tar are supported`,
    { details: { digest: expected.digest, compression } },
  )
}

/** Damaged compressed data. Internal: codecs turn it into a BootcError once the whole blob was hashed. */
export class CorruptData extends Error {}
