import type { Bytes, Digest } from '../interfaces/common.js'
import { RunningDigest } from './hashing.js'

/** SHA-256 of bytes that are not kept. */
export async function digestOf(bytes: Bytes): Promise<Digest> {
  const hash = new RunningDigest()
  for await (const chunk of bytes) hash.update(chunk)
  return hash.digest()
}
