import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { unzstdStream } from '@bootc-sdk/core/codec'
import { tarMembers } from '@bootc-sdk/core/testing'
import type { VerityAlgorithm } from '../../src/format/types.js'
import { VerityHasher } from '../../src/format/verity.js'
import { applyTar } from '../../src/tree/apply-tar.js'
import type { FileTree } from '../../src/tree/inode.js'
import { LayerApplier } from '../../src/tree/layer-applier.js'
import type { ReadFile } from '../../src/tree/read-file.js'

export const goldenOci = new URL('../golden/oci/', import.meta.url)

/** Images of which there are dumps and ids. */
export const rootImages = [
  'basic',
  'basic-gz',
  'whiteouts',
  'bootable',
  'bootable-noselinux',
  'uki-legacy-karg',
  'uki-v1-karg',
] as const
export const bootableImages: readonly string[] = rootImages.slice(3)

export const repositories = [
  { name: 's256v1', algorithm: 'sha256', version: 1 },
  { name: 's512v1', algorithm: 'sha512', version: 1 },
  { name: 's256v2', algorithm: 'sha256', version: 2 },
  { name: 's512v2', algorithm: 'sha512', version: 2 },
] as const

/** Files of an archive by path without a leading `./`. */
export function untar(archive: Uint8Array): Map<string, Buffer> {
  return new Map(tarMembers(archive).map(({ entry, data }) => [entry.name.replace(/^\.\//, ''), data]))
}

let layouts: Map<string, Buffer> | undefined

/** The config and the layers, not compressed, of an OCI layout. */
export async function goldenImage(name: string): Promise<{
  config: { rootfs: { diff_ids: string[] }; config?: { Labels?: Record<string, string> } }
  layers: { diffId: string; tar: Buffer }[]
}> {
  layouts ??= untar(gunzipSync(readFileSync(new URL('layouts.tar.gz', goldenOci))))
  const blob = (digest: string): Buffer =>
    layouts!.get(`${name}/blobs/sha256/${digest.slice('sha256:'.length)}`)!
  const json = (bytes: Buffer): unknown => JSON.parse(bytes.toString())
  type Descriptor = { digest: string }
  const index = json(layouts.get(`${name}/index.json`)!) as { manifests: Descriptor[] }
  const manifest = json(blob(index.manifests[0]!.digest)) as { config: Descriptor; layers: Descriptor[] }
  const config = json(blob(manifest.config.digest)) as Awaited<ReturnType<typeof goldenImage>>['config']
  const layers = []
  for (const [index, { digest }] of manifest.layers.entries()) {
    layers.push({ diffId: config.rootfs.diff_ids[index]!, tar: await decompress(blob(digest)) })
  }
  return { config, layers }
}

/** The tree of an image's layers, and what reads its files. */
export async function goldenTree(
  name: string,
  algorithm: VerityAlgorithm,
): Promise<{ tree: FileTree; readFile: ReadFile; objects: Map<string, Buffer> }> {
  const objects = new Map<string, Buffer>()
  const applier = new LayerApplier()
  for (const { diffId, tar } of (await goldenImage(name)).layers) {
    await applyTar(applier, diffId, tar, () => collecting(algorithm, objects))
  }
  const readFile: ReadFile = (file) =>
    Promise.resolve(file.content ?? objects.get(file.digest) ?? new Uint8Array(0))
  return { tree: applier.finish(), readFile, objects }
}

export function collecting(
  algorithm: VerityAlgorithm,
  objects: Map<string, Buffer>,
): { update(chunk: Uint8Array): void; digest(): string } {
  const hasher = new VerityHasher(algorithm)
  const parts: Uint8Array[] = []
  return {
    update(chunk) {
      hasher.update(chunk)
      parts.push(Uint8Array.from(chunk))
    },
    digest() {
      const id = hasher.digest()
      objects.set(id, Buffer.concat(parts))
      return id
    },
  }
}

async function decompress(bytes: Buffer): Promise<Buffer> {
  if (bytes[0] === 0x1f) return gunzipSync(bytes)
  if (bytes.readUInt32LE(0) !== 0xfd2fb528) return bytes
  const parts: Uint8Array[] = []

  for await (const part of unzstdStream(
    (async function* () {
      yield bytes
    })(),
  ))
    parts.push(Uint8Array.from(part))
  return Buffer.concat(parts)
}
