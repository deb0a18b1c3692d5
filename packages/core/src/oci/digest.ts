import { createHash } from 'node:crypto'
import type { Digest } from '../interfaces/common.js'
import { BootcError } from '../errors.js'

const digestPattern = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/

/** True for `sha256:` + 64 or `sha512:` + 128 lower-case hex digits; nothing else may reach a URL or a path. */
export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && digestPattern.test(text)
}

/** @throws BootcError `IMAGE_DIGEST_INVALID` for other algorithms, wrong lengths and upper-case digits */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text
  throw new BootcError('IMAGE_DIGEST_INVALID', `${JSON.stringify(text)} is not a sha256 or sha512 digest`, {
    details: { digest: text },
  })
}

/** Hex part of a digest. */
export function digestHex(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1)
}

/** Name of the hash, as `node:crypto` knows it. */
export function digestAlgorithm(digest: Digest): 'sha256' | 'sha512' {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256'
}

/** `sha256:…` of bytes in memory. */
export function sha256Digest(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

/**
 * Check bytes in memory against what a descriptor or reference promised.
 *
 * @throws BootcError `IMAGE_SIZE_MISMATCH`, `IMAGE_DIGEST_MISMATCH`
 */
export function verifyDigest(bytes: Uint8Array, expected: Digest, sizeBytes?: number): void {
  if (sizeBytes !== undefined && bytes.length !== sizeBytes) {
    throw new BootcError(
      'IMAGE_SIZE_MISMATCH',
      `${expected} has ${bytes.length} bytes, expected ${sizeBytes}`,
      {
        details: { digest: expected, expectedBytes: sizeBytes, actualBytes: bytes.length },
      },
    )
  }
  const algorithm = digestAlgorithm(expected)
  const actual = `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`
  if (actual === expected) return
  throw new BootcError('IMAGE_DIGEST_MISMATCH', `content hashes to ${actual}, expected ${expected}`, {
    details: { expected, actual },
  })
}
