import { createHash } from 'node:crypto'
import { BootcError, type Digest, type LayerTar } from '@bootc-sdk/core'
import { digestAlgorithm } from '@bootc-sdk/core/oci'
import type { ComposefsRepo } from '../repo/api.js'
import { layerStream } from './names.js'

/**
 * The archive of a layer, byte for byte as it was imported.
 *
 * Reading throws at its end when the bytes are not those of the diffId: objects of a repository without
 * fs-verity may have changed.
 *
 * @throws BootcError (while reading) `STORE_COMPOSEFS_NO_STREAM`, `IMAGE_DIFFID_MISMATCH`, `STORE_COMPOSEFS_*`
 */
export async function* readLayer(repo: ComposefsRepo, diffId: Digest): LayerTar & AsyncGenerator<Uint8Array> {
  const name = layerStream(diffId)
  const id = await repo.stream(name)
  if (id === undefined) {
    throw new BootcError('STORE_COMPOSEFS_NO_STREAM', `the repository has no stream ${name}`, {
      details: { stream: name },
    })
  }
  const algorithm = digestAlgorithm(diffId)
  const hash = createHash(algorithm)
  for await (const chunk of (await repo.openStream(id)).read()) {
    hash.update(chunk)
    yield chunk
  }
  const actual = `${algorithm}:${hash.digest('hex')}`
  if (actual === diffId) return
  throw new BootcError('IMAGE_DIFFID_MISMATCH', `stored layer hashes to ${actual}, expected ${diffId}`, {
    details: { expected: diffId, actual },
  })
}
