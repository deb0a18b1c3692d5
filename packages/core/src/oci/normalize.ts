import { goJson } from './canonical-json.js'
import { sha256Digest } from './digest.js'
import { goConfig } from './go-config.js'
import { mediaTypes, ociMediaType } from './media-types.js'
import { parseConfig } from './documents.js'
import type { JsonObject, JsonValue } from './strict-json.js'
import type { Descriptor, ImageConfig, ImageManifest } from './types.js'

/*
 * The documents that commits of container images hold (print them with `canonicalJson`). The real tool gets
 * them from skopeo's image proxy and reads them into typed structures, which loses and rewrites members; equal
 * merge commits need equal losses. See ostree-ext 0.15.3, oci-spec 0.10.0, skopeo 1.22.
 */

/**
 * The config document: known members only, no empty ones, times as Go prints them.
 *
 * @param config the document's bytes, or what `parseConfig` made of them
 * @throws BootcError `IMAGE_NOT_AN_IMAGE` (from bytes only; parsed configs were checked)
 */
export function normalizeConfig(config: Uint8Array | ImageConfig): JsonObject {
  const parsed = config instanceof Uint8Array ? parseConfig(config) : config
  const document = goConfig(parsed as unknown as JsonValue)
  delete (document['config'] as JsonObject)['ArgsEscaped']
  return document
}

/**
 * The manifest document: known members of an OCI manifest; a Docker manifest is converted first.
 *
 * @param config needed for Docker manifests, whose converted config is described anew; others ignore it
 */
export function normalizeManifest(manifest: ImageManifest, config: ImageConfig): JsonObject {
  const source = isDockerManifest(manifest) ? toOciManifest(manifest, config) : manifest
  return {
    ...pick(source, ['schemaVersion', 'mediaType', 'artifactType', 'annotations']),
    config: descriptor(source.config),
    layers: source.layers.map(descriptor),
    ...(source.subject ? { subject: descriptor(source.subject) } : {}),
  }
}

/** True for Docker schema 2. */
export function isDockerManifest(manifest: ImageManifest): boolean {
  if (manifest.mediaType !== undefined) return manifest.mediaType === mediaTypes.dockerManifest
  return manifest.config.mediaType === mediaTypes.dockerConfig
}

/**
 * A Docker schema 2 manifest as an OCI manifest: media types mapped one to one, the config described as Go
 * re-serialises it. The digest of the image stays that of the original bytes.
 */
export function toOciManifest(manifest: ImageManifest, config: ImageConfig): ImageManifest {
  const configBytes = goConfigBytes(config)
  return {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, digest: sha256Digest(configBytes), size: configBytes.length },
    layers: manifest.layers.map(({ mediaType, digest, size, urls }) => ({
      mediaType: ociMediaType(mediaType),
      digest,
      size,
      ...(urls === undefined || urls === null || urls.length === 0 ? {} : { urls }),
    })),
  }
}

/** The config as Go's OCI structs serialise it. */
export function goConfigBytes(config: ImageConfig): Buffer {
  return Buffer.from(goJson(goConfig(config as unknown as JsonValue)))
}

function descriptor(source: Descriptor): JsonObject {
  const { platform } = source
  return {
    ...pick(source, ['mediaType', 'digest', 'size', 'urls', 'annotations', 'artifactType', 'data']),
    // The real tool spells two members differently, so it never sees `os.version` and `os.features`.
    ...(platform
      ? {
          platform: pick(platform, [
            'architecture',
            'os',
            'variant',
            'features',
            'os_version',
            'os_features',
          ]),
        }
      : {}),
  }
}

/** Those members that are there; `null` counts as absent. */
function pick(source: object, keys: readonly string[]): JsonObject {
  const members = source as Readonly<Record<string, JsonValue | undefined>>
  const out: JsonObject = {}
  for (const key of keys) {
    const value = members[key]
    if (value !== undefined && value !== null) out[key] = value
  }
  return out
}
