import { createHash } from 'node:crypto'
import type { VerityMeasurement } from '../interfaces/index.js'

/** What a kernel would measure, level by level. @see Linux Documentation/filesystems/fsverity.rst */
export function verityDigest(data: Uint8Array, algorithm: VerityMeasurement['algorithm']): string {
  const hash = (bytes: Uint8Array) => createHash(algorithm).update(bytes).digest()
  let level: Buffer = Buffer.from(data)
  while (level.length > 0) {
    const hashes: Buffer[] = []
    for (let at = 0; at < level.length; at += 4096) {
      const block = Buffer.alloc(4096)
      level.copy(block, 0, at, at + 4096)
      hashes.push(hash(block))
    }
    level = Buffer.concat(hashes)
    if (hashes.length === 1) break
  }
  const descriptor = Buffer.alloc(256)
  descriptor.set([1, algorithm === 'sha256' ? 1 : 2, 12])
  descriptor.writeBigUInt64LE(BigInt(data.length), 8)
  level.copy(descriptor, 16)
  return hash(descriptor).toString('hex')
}
