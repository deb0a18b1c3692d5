import { hashing } from '../codec/index.js'
import type { Bytes } from '../interfaces/common.js'

/** Digest of an archive that is not kept. */
export async function digestOf(tar: Bytes): Promise<ReturnType<ReturnType<typeof hashing>['result']>> {
  const { bytes, result } = hashing(tar)
  const chunks = bytes[Symbol.asyncIterator]()
  while (!(await chunks.next()).done);
  return result()
}
