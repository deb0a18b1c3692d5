import type { Digest } from '@bootc-sdk/core'
import { isDigest } from '@bootc-sdk/core/oci'
import type { ErofsVersion } from '../format/types.js'
import type { XattrMode } from '../tree/oci-transform.js'

/*
 * Names that composefs-rs gives to streams, references and content types of container images.
 * @see composefs-rs 0.7.0 (rev 0fbc853), crate composefs-oci: lib.rs, oci_image.rs
 */

/** ASCII in little-endian order, as splitstream headers carry it. */
export const contentTypes = {
  layer: asciiNumber('ocilayer'),
  config: asciiNumber('ociconfg'),
  manifest: asciiNumber('ocimanif'),
  blob: asciiNumber('oci_blob'),
} as const

const manifestPrefix = 'oci-manifest-'
const layerPrefix = 'oci-layer-'

export const layerStream = (diffId: Digest): string => `${layerPrefix}${diffId}`
export const configStream = (digest: Digest): string => `oci-config-${digest}`
export const manifestStream = (digest: Digest): string => `${manifestPrefix}${digest}`

/** The digest of a manifest by its content id; undefined for other streams. */
export function manifestOfStream(contentId: string): Digest | undefined {
  if (!contentId.startsWith(manifestPrefix)) return undefined
  const digest = contentId.slice(manifestPrefix.length)
  return isDigest(digest) ? digest : undefined
}

export const isLayerStream = (contentId: string): boolean => contentId.startsWith(layerPrefix)

/** Name under which a manifest stream links its config stream. */
export const configRef = (digest: Digest): string => `config:${digest}`

const imageKey = 'composefs.image'

/** Name under which a config stream links the image of its root. V0 and V1 share one. */
export function imageRef(version: ErofsVersion): string {
  return version === 2 ? imageKey : `${imageKey}.v1`
}

/** The same for the image to be booted. */
export function bootImageRef(version: ErofsVersion, xattrs: XattrMode = 'allowlist-only'): string {
  const key = version === 2 ? `${imageKey}.boot` : `${imageKey}.boot.v1`
  return xattrs === 'allowlist-only' ? key : `${key}.xattrs=${xattrs}`
}

/** Any of the above. */
export const isImageRef = (name: string): boolean => name === imageKey || name.startsWith(`${imageKey}.`)

function asciiNumber(text: string): bigint {
  return Buffer.from(text, 'latin1').readBigUInt64LE()
}
