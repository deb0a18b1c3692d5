import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type {
  Descriptor,
  ImageStore,
  ImportOptions,
  LayerTar,
  ResolvedImage,
  StoredImage,
  Warning,
} from '@bootc-sdk/core'
import { fileSource, type Codec } from '@bootc-sdk/core/codec'
import { parseConfig, parseImageReference, parseManifest } from '@bootc-sdk/core/oci'

const goldenRoot = fileURLToPath(new URL('../golden/container/', import.meta.url))

export interface GoldenCommit {
  readonly checksum: string
  readonly parent: string | null
  readonly timestamp: number
  readonly root_dirtree: string
  readonly root_dirmeta: string
}

/** What `expected.json` of a case says; see test/golden/container/README.md. */
export interface GoldenCase {
  readonly manifest_digest: string
  readonly all_refs: Readonly<Record<string, string>>
  readonly layers: readonly {
    readonly kind: string
    readonly digest: string
    readonly diff_id: string
    readonly ref: string
    readonly commit: GoldenCommit
  }[]
  readonly merge: GoldenCommit
  readonly stderr: string
}

export function goldenPath(...parts: readonly string[]): string {
  return [goldenRoot.replace(/\/$/, ''), ...parts].join('/')
}

/** Names of the cases that are one image each. */
export const goldenCases = readdirSync(goldenRoot)
  .filter((name) => existsSync(goldenPath(name, 'oci')))
  .sort()

export function goldenCase(name: string): GoldenCase {
  return JSON.parse(readFileSync(goldenPath(name, 'expected.json'), 'utf8')) as GoldenCase
}

/** The image of an OCI layout with one manifest, named as the real tool had it when the data were made. */
export function layoutImage(layout: string, reference: string): ResolvedImage {
  const index = JSON.parse(readFileSync(`${layout}/index.json`, 'utf8')) as { manifests: Descriptor[] }
  const { digest, mediaType } = index.manifests[0]!
  const manifestBytes = readFileSync(blobPath(layout, digest))
  const manifest = parseManifest(manifestBytes)
  const configBytes = readFileSync(blobPath(layout, manifest.config.digest))
  return {
    reference: parseImageReference(reference),
    manifestDigest: digest,
    manifest,
    manifestBytes,
    manifestMediaType: mediaType,
    config: parseConfig(configBytes, manifest),
    configDigest: manifest.config.digest,
    configBytes,
  }
}

export function goldenImage(name: string): ResolvedImage {
  return layoutImage(goldenPath(name, 'oci'), `oci:/tmp/golden/${name}:latest`)
}

export function openLayer(
  layout: string,
  image: ResolvedImage,
  index: number,
  codec: Codec,
  gzipMembers: 'all' | 'first' = 'all',
): LayerTar {
  const { digest, size } = image.manifest.layers[index]!
  const file = { hostPath: blobPath(layout, digest), offsetBytes: 0, sizeBytes: size }
  // The real tool stops after the first member, so what it reads does not have the diffId of the config.
  const diffId = gzipMembers === 'all' ? { diffId: image.config.rootfs.diff_ids[index]! } : {}
  return codec.decodeLayer(fileSource(file), { digest, sizeBytes: size, ...diffId }, { gzipMembers })
}

/** Put what is missing, one layer after the other as the real tool does, and commit. */
export async function importLayout(
  store: ImageStore,
  layout: string,
  image: ResolvedImage,
  codec: Codec,
  options: ImportOptions & { readonly gzipMembers?: 'all' | 'first' } = {},
): Promise<{ image: StoredImage; warnings: readonly Warning[] }> {
  const { gzipMembers, ...importOptions } = options
  await using session = await store.begin(image, { timestamp: 1_700_000_000, ...importOptions })
  const done = new Set(session.layers.flatMap(({ present }, i) => (present ? [i] : [])))
  const put = async (i: number): Promise<void> => {
    if (done.has(i)) return
    done.add(i)
    for (const before of session.layers[i]!.after) await put(before)
    await session.putLayer(i, openLayer(layout, image, i, codec, gzipMembers))
  }
  for (const i of session.layers.keys()) await put(i)
  return session.commit()
}

function blobPath(layout: string, digest: string): string {
  return `${layout}/blobs/${digest.replace(':', '/')}`
}
