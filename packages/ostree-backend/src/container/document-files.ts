import {
  isBootcError,
  type Digest,
  type ImageDocuments,
  type ResolvedImage,
  type StoredImage,
} from '@bootc-sdk/core'
import { digestHex, sha256Digest } from '@bootc-sdk/core/oci'
import type { OstreeRepo } from '../repo/api.js'
import { readFile } from '../repo/io.js'

/**
 * Manifests and configs to the byte, by digest. Commits hold them reduced and re-encoded, which is what bootc
 * reads; another store needs what was signed and hashed. libostree leaves `extensions` to other programs.
 */
const directory = 'extensions/bootc-sdk/documents'

/** As transports accept (transport.md). */
const maxDocumentBytes = 4 * 1024 * 1024

const pathOf = (digest: Digest): string => `${directory}/${digestHex(digest)}.json`

/** Remember the bytes. They are checked when they are read, so a cut-off write does no harm. */
export async function keepDocuments({ dir }: OstreeRepo, image: ResolvedImage): Promise<void> {
  const files = [
    [image.manifestDigest, image.manifestBytes],
    [image.configDigest, image.configBytes],
  ] as const
  for (const parent of ['extensions', 'extensions/bootc-sdk', directory]) {
    try {
      await dir.mkdir(parent)
    } catch (error) {
      if (!isBootcError(error, 'TREE_EXISTS')) throw error
    }
  }
  for (const [digest, bytes] of files) await dir.write(pathOf(digest), bytes, { mode: 0o644 })
}

export async function readDocuments(
  { dir }: OstreeRepo,
  { manifestDigest, configDigest, manifest }: StoredImage,
): Promise<ImageDocuments | undefined> {
  const read = async (digest: Digest): Promise<Uint8Array | undefined> => {
    const bytes = await readFile(dir, pathOf(digest), maxDocumentBytes)
    return bytes !== undefined && sha256Digest(bytes) === digest ? bytes : undefined
  }
  const [manifestBytes, configBytes] = [await read(manifestDigest), await read(configDigest)]
  if (manifestBytes === undefined || configBytes === undefined) return undefined
  const manifestMediaType = manifest.mediaType ?? 'application/vnd.oci.image.manifest.v1+json'
  return { manifestBytes, manifestMediaType, configBytes }
}

/** Forget those of images that are gone. */
export async function pruneDocuments({ dir }: OstreeRepo, images: AsyncIterable<StoredImage>): Promise<void> {
  if ((await dir.stat(directory)) === undefined) return
  const kept = new Set<string>()
  for await (const { manifestDigest, configDigest } of images) {
    kept.add(pathOf(manifestDigest)).add(pathOf(configDigest))
  }
  const names: string[] = []
  for await (const { name } of dir.list(directory)) names.push(`${directory}/${name}`)
  for (const path of names) if (!kept.has(path)) await dir.remove(path)
}
