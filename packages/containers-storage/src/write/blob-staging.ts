import type { FileHandle } from 'node:fs/promises'
import {
  BootcError,
  type Bytes,
  type Descriptor,
  type Dir,
  type Digest,
  type OpOptions,
  type ResolvedImage,
} from '@bootc-sdk/core'
import { defaultCodec, fileSource, hashing } from '@bootc-sdk/core/codec'
import { digestAlgorithm, verifyDigest } from '@bootc-sdk/core/oci'
import { namelessFile, sliceOfHandle } from '@bootc-sdk/core/transports'
import { containersImageStore } from './image-store.js'
import { isComplete, readRecords, stringOf } from './records.js'
import { storagePaths } from './storage-layout.js'

/** Blobs on their way into a store: kept as they came, since only the manifest says what they are. */
export interface BlobStaging {
  has(digest: Digest): Promise<boolean>
  put(blob: Pick<Descriptor, 'digest' | 'size'>, bytes: Bytes, options: OpOptions): Promise<void>
  /** A small blob. @throws BootcError `IMAGE_IMPORT_STATE` when it was not put */
  document(digest: Digest): Promise<Buffer>
  /** Unpack what the store does not have, and file the image. */
  commit(image: ResolvedImage, options: OpOptions): Promise<void>
  close(): Promise<void>
}

interface StagedBlob {
  readonly file: FileHandle
  readonly sizeBytes: number
}

/** @param dir of this machine: blobs wait in nameless files on its file system */
export function blobStaging(dir: Dir): BlobStaging {
  const store = containersImageStore(dir)
  const blobs = new Map<Digest, StagedBlob>()
  const take = async (digest: Digest): Promise<StagedBlob> => {
    const blob = blobs.get(digest)
    if (blob !== undefined) return blob
    throw new BootcError('IMAGE_IMPORT_STATE', `blob ${digest} was not put`, { details: { digest } })
  }
  return {
    async has(digest) {
      if (blobs.has(digest)) return true
      const layers = await readRecords(dir, storagePaths.layers)
      return layers.some(
        (layer) =>
          isComplete(layer) &&
          ['compressed-diff-digest', 'diff-digest'].some((key) => stringOf(layer, key) === digest),
      )
    },
    async put({ digest, size }, bytes, { signal }) {
      const file = await namelessFile(dir.hostPath!)
      try {
        const hashed = hashing(bytes, digestAlgorithm(digest))
        for await (const chunk of hashed.bytes) {
          signal?.throwIfAborted()
          await file.writeFile(chunk)
        }
        const { digest: actual, sizeBytes } = hashed.result()
        if (sizeBytes !== size) {
          throw new BootcError('IMAGE_SIZE_MISMATCH', `${digest} has ${sizeBytes} bytes instead of ${size}`, {
            details: { expectedBytes: size, actualBytes: sizeBytes, digest },
          })
        }
        if (actual !== digest) {
          throw new BootcError('IMAGE_DIGEST_MISMATCH', `bytes of ${digest} hash to ${actual}`, {
            details: { expected: digest, actual },
          })
        }
        await blobs.get(digest)?.file.close()
        blobs.set(digest, { file, sizeBytes })
      } catch (error) {
        await file.close()
        throw error
      }
    },
    async document(digest) {
      const { file, sizeBytes } = await take(digest)
      const bytes = Buffer.alloc(sizeBytes)
      await file.read(bytes, 0, sizeBytes, 0)
      verifyDigest(bytes, digest, sizeBytes)
      return bytes
    },
    async commit(image, { signal }) {
      const signals = signal === undefined ? {} : { signal }
      await using session = await store.begin(image, signals)
      for (const [index, { present, descriptor, diffId }] of session.layers.entries()) {
        if (present) continue
        const { file, sizeBytes } = await take(descriptor.digest)
        const source = fileSource(sliceOfHandle(file, sizeBytes))
        const tar = defaultCodec().decodeLayer(
          source,
          { digest: descriptor.digest, sizeBytes, diffId },
          signals,
        )
        await session.putLayer(index, tar, signals)
      }
      await session.commit(signals)
      for (const { digest } of [image.manifest.config, ...image.manifest.layers]) {
        const blob = blobs.get(digest)
        blobs.delete(digest)
        await blob?.file.close()
      }
    },
    close: () => closeAll(blobs),
  }
}

async function closeAll(blobs: Map<Digest, StagedBlob>): Promise<void> {
  const held = [...blobs.values()]
  blobs.clear()
  for (const { file } of held) await file.close()
}
