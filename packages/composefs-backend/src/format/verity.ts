import * as crypto from 'node:crypto'
import { algorithmNumber, digestBytes, type ObjectId, type VerityAlgorithm } from './types.js'

export const verityBlockBytes = 4096

/** In one call where Node has it (20.12, 21.7): a third of the time of `createHash` for a block. */
const hash: (algorithm: VerityAlgorithm, data: Uint8Array) => Buffer =
  typeof crypto.hash === 'function'
    ? (algorithm, data) => crypto.hash(algorithm, data, 'buffer')
    : (algorithm, data) => crypto.createHash(algorithm).update(data).digest()

/** fs-verity digest of bytes in memory; see `VerityHasher`. */
export function verityDigest(data: Uint8Array, algorithm: VerityAlgorithm): ObjectId {
  const hasher = new VerityHasher(algorithm)
  hasher.update(data)
  return hasher.digest()
}

/** A level of the Merkle tree: a block that is not full yet; the lowest level holds data, the others hashes. */
interface Level {
  readonly block: Buffer
  used: number
  /** Blocks hashed so far. */
  blocks: number
}

/**
 * The fs-verity digest of a stream: version 1, blocks of 4096 bytes, no salt. Memory is one block a level, of
 * which 9 cover any size. The twin of the addon's, which is ten times as fast.
 *
 * @see Linux Documentation/filesystems/fsverity.rst, struct fsverity_descriptor
 */
export class VerityHasher {
  readonly #levels: Level[] = []
  #sizeBytes = 0

  constructor(readonly algorithm: VerityAlgorithm) {}

  /** Bytes given so far. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  update(chunk: Uint8Array): void {
    this.#sizeBytes += chunk.length
    this.#add(0, chunk)
  }

  /** Lower-case hex. The hasher is used up. */
  digest(): ObjectId {
    const descriptor = Buffer.alloc(256)
    descriptor.set([1, algorithmNumber[this.algorithm], Math.log2(verityBlockBytes)])
    descriptor.writeBigUInt64LE(BigInt(this.#sizeBytes), 8)
    // An empty file has no tree: its root is zeros, not a hash of anything.
    if (this.#sizeBytes > 0) this.#root().copy(descriptor, 16)
    return hash(this.algorithm, descriptor).toString('hex')
  }

  #add(index: number, data: Uint8Array): void {
    const level = (this.#levels[index] ??= { block: Buffer.alloc(verityBlockBytes), used: 0, blocks: 0 })
    for (let at = 0; at < data.length;) {
      if (level.used === 0 && data.length - at >= verityBlockBytes) {
        this.#complete(index, data.subarray(at, at + verityBlockBytes))
        at += verityBlockBytes
        continue
      }
      const part = data.subarray(at, at + verityBlockBytes - level.used)
      level.block.set(part, level.used)
      level.used += part.length
      at += part.length
      if (level.used < verityBlockBytes) return
      level.used = 0
      this.#complete(index, level.block)
    }
  }

  #complete(index: number, block: Uint8Array): void {
    this.#levels[index]!.blocks++
    this.#add(index + 1, hash(this.algorithm, block))
  }

  /** Pads and hashes every level until one has a single block: the hash of that is the root. */
  #root(): Buffer {
    for (let index = 0; ; index++) {
      const level = this.#levels[index]!
      if (level.used > 0) {
        level.block.fill(0, level.used)
        level.used = 0
        this.#complete(index, level.block)
      }
      if (level.blocks === 1) return this.#levels[index + 1]!.block.subarray(0, digestBytes[this.algorithm])
    }
  }
}
