import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pullImage, type ImageStore, type StoredImage } from '@bootc-sdk/core'
import { defaultCodec } from '@bootc-sdk/core/codec'
import { memoryDir } from '@bootc-sdk/core/testing'
import type { BuiltImage } from '@bootc-sdk/core/transports'
import { ostreeImageStore } from '../../../src/container/image-store.js'
import { initRepo } from '../../../src/repo/index.js'
import type { OstreeRepo, RepoMode } from '../../../src/repo/api.js'
import { goldenImage, goldenPath, importLayout } from '../golden-images.js'

/** A repository in memory. */
export async function memoryRepo(mode: RepoMode = 'archive'): Promise<OstreeRepo> {
  return initRepo(memoryDir(), mode, { native: false })
}

/** One into which a golden image was imported, and that image. */
export async function importedRepo(
  name: string,
  mode?: RepoMode,
): Promise<{ repo: OstreeRepo; store: ImageStore; image: StoredImage }> {
  const repo = await memoryRepo(mode)
  const store = ostreeImageStore(repo)
  const { image } = await importLayout(store, goldenPath(name, 'oci'), goldenImage(name), defaultCodec())
  return { repo, store, image }
}

/** Blobs of a layout, by file name. */
export function layoutBlobs(layout: string): Map<string, Buffer> {
  const dir = join(layout, 'blobs/sha256')
  return new Map(readdirSync(dir).map((name) => [name, readFileSync(join(dir, name))]))
}

/** Blobs of an image that was made here, by file name. */
export async function builtBlobs({ image, source }: BuiltImage): Promise<Map<string, Buffer>> {
  const blobs = new Map([
    [hex(image.manifestDigest), Buffer.from(image.manifestBytes)],
    [hex(image.configDigest), Buffer.from(image.configBytes)],
  ])
  for (const layer of image.manifest.layers) {
    const chunks: Uint8Array[] = []
    for await (const chunk of source.transport.openLayer(image, layer)) chunks.push(chunk)
    blobs.set(hex(layer.digest), Buffer.concat(chunks))
  }
  return blobs
}

/** Import an image that was made here. */
export async function importBuilt(store: ImageStore, { source }: BuiltImage): Promise<StoredImage> {
  const { image } = await pullImage({
    store,
    transports: [source.transport],
    policy: { check: () => Promise.resolve() },
    reference: source.reference,
    source: { kind: 'insecure' },
  })
  return image
}

function hex(digest: string): string {
  return digest.slice(digest.indexOf(':') + 1)
}
