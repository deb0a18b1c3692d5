import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type {
  Descriptor,
  Dir,
  ImageReference,
  ImageStore,
  LayerTar,
  ResolvedImage,
  StoredImage,
  Warning,
} from '@bootc-sdk/core'
import { jsCodec, nativeCodec, type Codec } from '@bootc-sdk/core/codec'
import { getNative } from '@bootc-sdk/core/node'
import { parseConfig, parseManifest } from '@bootc-sdk/core/oci'
import { tarMembers } from '@bootc-sdk/core/testing'
import { goldenOci, untar } from '../tree/golden-images.js'

let layouts: ReadonlyMap<string, Buffer> | undefined

/** A blob of a golden layout. */
export function blobOf(layout: string, digest: string): Buffer {
  return fileOf(`${layout}/blobs/sha256/${digest.replace(/^sha256:/, '')}`)
}

/** The one image of a golden layout, as a transport resolves it. */
export function layoutImage(layout: string): ResolvedImage {
  const index = JSON.parse(fileOf(`${layout}/index.json`).toString()) as { manifests: Descriptor[] }
  const { digest, mediaType } = index.manifests[0]!
  const manifestBytes = blobOf(layout, digest)
  const manifest = parseManifest(manifestBytes)
  const configBytes = blobOf(layout, manifest.config.digest)
  return {
    reference: layoutReference(layout),
    ...{ manifestDigest: digest, manifest, manifestBytes, manifestMediaType: mediaType },
    ...{ config: parseConfig(configBytes, manifest), configDigest: manifest.config.digest, configBytes },
  }
}

export const layoutReference = (layout: string): ImageReference => ({
  transport: 'oci',
  name: `${layout}:v1`,
})

const addon = getNative()
export const codecs: readonly Codec[] = [jsCodec(), ...(addon === undefined ? [] : [nativeCodec(addon)])]

/** A layer of a golden layout as core hands it to a session. */
export function layerOf(
  layout: string,
  image: ResolvedImage,
  index: number,
  codec: Codec = jsCodec(),
): LayerTar {
  const { digest, size } = image.manifest.layers[index]!
  const diffId = image.config.rootfs.diff_ids[index]!
  return codec.decodeLayer(streamOf(blobOf(layout, digest)), { digest, sizeBytes: size, diffId })
}

/** Import as core does. */
export async function importLayout(
  store: ImageStore,
  layout: string,
  options: { readonly codec?: Codec; readonly unnamed?: boolean } = {},
): Promise<{ image: StoredImage; warnings: readonly Warning[]; fetched: number[] }> {
  const image = layoutImage(layout)
  await using session = await store.begin(image, { unnamed: options.unnamed ?? false })
  const fetched: number[] = []
  for (const [index, { present }] of session.layers.entries()) {
    if (present) continue
    await session.putLayer(index, layerOf(layout, image, index, options.codec))
    fetched.push(index)
  }
  return { ...(await session.commit()), fetched }
}

/** Write the members of an archive (directories, files, symbolic links) below a directory. */
export async function unpackInto(dir: Dir, archive: Uint8Array, strip: string): Promise<void> {
  for (const { entry, data } of tarMembers(archive)) {
    const { type, linkName, mode } = entry
    const name = entry.name.slice(strip.length).replace(/\/$/, '')
    if (name === '') continue
    if (type === 'directory') await dir.mkdir(name, { mode })
    else if (type === 'symlink') await dir.symlink(linkName, name)
    else await dir.write(name, data, { mode })
  }
}

function fileOf(path: string): Buffer {
  layouts ??= untar(gunzipSync(readFileSync(new URL('layouts.tar.gz', goldenOci))))
  const bytes = layouts.get(path)
  if (bytes === undefined) throw new Error(`the golden layouts have no ${path}`)
  return bytes
}

export async function* streamOf(bytes: Uint8Array, chunkBytes = 10_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkBytes)
    yield Uint8Array.from(bytes.subarray(at, at + chunkBytes))
}

/** Everything at once. */
export async function* allOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield Uint8Array.from(bytes)
}
