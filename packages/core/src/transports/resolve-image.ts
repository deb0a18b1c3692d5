import type { Digest, Warning } from '../interfaces/common.js'
import type { ResolvedImage } from '../interfaces/transport.js'
import {
  choosePlatform,
  detectMediaType,
  hostPlatform,
  isIndexMediaType,
  parseConfig,
  parseIndex,
  parseManifest,
  platformWarnings,
  requireImageLayers,
  sha256Digest,
  verifyDigest,
} from '../oci/index.js'
import type { ImageReference } from '../oci/reference.js'
import type { Descriptor, Platform } from '../oci/types.js'
import { manifestInvalid } from './transport-errors.js'

/** Indexes below the one that the reference names. */
const MAX_NESTED_INDEXES = 2

/** A manifest or index as served. */
export interface ServedDocument {
  readonly bytes: Uint8Array
  /** `Content-Type`, where there is such a thing. */
  readonly contentType?: string
}

/** How a transport gets at documents; none of them checks digests, `resolveImage` does. */
export interface DocumentSource {
  readonly reference: ImageReference
  /** What the reference names. */
  readonly top: ServedDocument
  /** The digest that was asked for, or that a layout's index states. */
  readonly topDigest?: Digest
  readonly topSizeBytes?: number
  readManifest(descriptor: Descriptor): Promise<ServedDocument>
  readConfig(descriptor: Descriptor): Promise<Uint8Array>
}

/**
 * From what a reference names to manifest and config of one platform: the same steps and checks for every
 * transport. Digests are of the bytes as served, before anything else looks at them.
 *
 * @param options `platform`: default this machine's; `warnings`: what the transport noticed itself
 * @throws `IMAGE_DIGEST_MISMATCH`, `IMAGE_SIZE_MISMATCH`, `IMAGE_MEDIA_TYPE_MISMATCH`, `IMAGE_MANIFEST_*`,
 *   `IMAGE_PLATFORM_MISSING`, `IMAGE_NOT_AN_IMAGE`, `IMAGE_ENCRYPTED`, `IMAGE_DIFFID_MISMATCH`
 */
export async function resolveImage(
  source: DocumentSource,
  options: { readonly platform?: Platform; readonly warnings?: readonly Warning[] } = {},
): Promise<ResolvedImage> {
  const { reference } = source
  if (source.topDigest !== undefined) verifyDigest(source.top.bytes, source.topDigest, source.topSizeBytes)
  let document = source.top
  let manifestMediaType = detectMediaType(document.bytes, document.contentType)
  let manifestDigest = source.topDigest ?? sha256Digest(document.bytes)
  let index: ResolvedImage['index']
  let platform: Platform | undefined
  for (let depth = 0; isIndexMediaType(manifestMediaType); depth++) {
    if (depth > MAX_NESTED_INDEXES) throw manifestInvalid(reference, 'indexes are nested too deep', { depth })
    index ??= { digest: manifestDigest, bytes: document.bytes }
    const chosen = choosePlatform(parseIndex(document.bytes), options.platform ?? hostPlatform())
    document = await source.readManifest(chosen)
    verifyDigest(document.bytes, chosen.digest, chosen.size)
    manifestMediaType = detectMediaType(document.bytes, document.contentType)
    manifestDigest = chosen.digest
    platform = chosen.platform ?? platform
  }
  const manifest = parseManifest(document.bytes)
  requireImageLayers(manifest)
  const configBytes = await source.readConfig(manifest.config)
  verifyDigest(configBytes, manifest.config.digest, manifest.config.size)
  const config = parseConfig(configBytes, manifest)
  const warnings = [...(options.warnings ?? []), ...platformWarnings(platform, config)]
  return {
    reference,
    manifestDigest,
    manifest,
    manifestBytes: document.bytes,
    manifestMediaType,
    ...(index === undefined ? {} : { index }),
    config,
    configDigest: manifest.config.digest,
    configBytes,
    ...(warnings.length === 0 ? {} : { warnings }),
  }
}
