import { createHash } from 'node:crypto'
import { objectName } from '../format/checksum.js'
import { corrupt } from '../format/errors.js'
import { encodeFileHeader } from '../format/file-header.js'
import type { OstreeRepo } from './api.js'

/**
 * Read a file object again and hash it.
 *
 * @returns bytes of content
 * @throws BootcError `STORE_OSTREE_NO_OBJECT`, `STORE_OSTREE_CORRUPT`
 */
export async function verifyFile(repo: OstreeRepo, checksum: string, signal?: AbortSignal): Promise<number> {
  const { sizeBytes, ...header } = await repo.fileHeader(checksum)
  const hash = createHash('sha256').update(encodeFileHeader(header))
  for await (const chunk of repo.fileContent(checksum)) {
    signal?.throwIfAborted()
    hash.update(chunk)
  }
  const actual = hash.digest('hex')
  if (actual !== checksum) {
    throw corrupt(objectName('file', checksum, repo.mode), `content and metadata hash to ${actual}`)
  }
  return sizeBytes
}
