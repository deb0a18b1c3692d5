export type Compression = 'gzip' | 'zstd' | 'none'

/** Bytes that `detectCompression` wants to see: one tar header. Fewer only when the blob is shorter. */
export const MAGIC_BYTES = 512

const refused: readonly (readonly [name: string, magic: readonly number[]])[] = [
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['lz4', [0x04, 0x22, 0x4d, 0x18]],
  ['lzip', [0x4c, 0x5a, 0x49, 0x50, 0x01]],
]

/**
 * Compression of a blob by its first bytes. A skippable zstd frame (`5? 2a 4d 18`) counts as zstd; what
 * nobody claims is a plain tar.
 *
 * @returns `refused` with the name of a compression that images must not use
 */
export function detectCompression(head: Uint8Array): Compression | { readonly refused: string } {
  if (startsWith(head, [0x1f, 0x8b, 0x08])) return 'gzip'
  if (startsWith(head, [0x28, 0xb5, 0x2f, 0xfd]) || isSkippableMagic(head)) return 'zstd'
  // The first member of a plain tar may well be called `BZhang`.
  if (Buffer.from(head.subarray(257, 262)).toString('latin1') === 'ustar') return 'none'
  for (const [name, magic] of refused) if (startsWith(head, magic)) return { refused: name }
  return 'none'
}

function isSkippableMagic(head: Uint8Array): boolean {
  return (head[0]! & 0xf0) === 0x50 && startsWith(head.subarray(1), [0x2a, 0x4d, 0x18])
}

function startsWith(bytes: Uint8Array, prefix: readonly number[]): boolean {
  return bytes.length >= prefix.length && prefix.every((byte, i) => bytes[i] === byte)
}
