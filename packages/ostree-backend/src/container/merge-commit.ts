import type { Digest, ImageConfig, ImageManifest, ResolvedImage } from '@bootc-sdk/core'
import { canonicalJson, normalizeConfig, normalizeManifest } from '@bootc-sdk/core/oci'
import type { Commit, VariantDict } from '../repo/api.js'
import {
  configKey,
  createdAnnotation,
  importerVersion,
  importerVersionKey,
  manifestDigestKey,
  manifestKey,
} from './names.js'

/** Manifest and config as commits hold them: parsed, reduced to known members, canonical JSON. */
export interface ImageDocuments {
  readonly manifest: string
  readonly config: string
}

/** @see bootc 1.16.9, ostree-ext container/store.rs; containers-image-proxy 0.11 */
export function imageDocuments(image: {
  readonly manifest: ImageManifest
  readonly config: ImageConfig
}): ImageDocuments {
  return {
    manifest: canonicalJson(normalizeManifest(image.manifest, image.config)),
    config: canonicalJson(normalizeConfig(image.config)),
  }
}

/** Metadata of the commit of a flattened image; the order of keys is part of its checksum. */
export function mergeMetadata(documents: ImageDocuments, manifestDigest: Digest): VariantDict {
  return [
    [configKey, text(documents.config)],
    [importerVersionKey, text(importerVersion)],
    [manifestKey, text(documents.manifest)],
    [manifestDigestKey, text(manifestDigest)],
  ]
}

/** The commit of one derived layer. */
export function layerCommit(
  rootTree: string,
  rootMeta: string,
  timestamp: number,
  parent: string | undefined,
): Commit {
  return {
    metadata: [[importerVersionKey, text(importerVersion)]],
    ...(parent === undefined ? {} : { parent }),
    subject: '',
    body: '',
    timestamp,
    rootTree,
    rootMeta,
  }
}

/**
 * Seconds of a flattened image: annotation `org.opencontainers.image.created` of the manifest, else `created`
 * of the config. An annotation that does not parse does not fall back to the config.
 */
export function imageTimestamp(
  image: Pick<ResolvedImage, 'manifest' | 'config'>,
  nowSeconds: number,
): number {
  const created = image.manifest.annotations?.[createdAnnotation] ?? image.config.created
  return (created === undefined ? undefined : parseRfc3339(created)) ?? nowSeconds
}

const rfc3339 =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/

/** Whole seconds since the epoch; undefined when the text is no RFC 3339 time or lies before the epoch. */
export function parseRfc3339(text: string): number | undefined {
  const match = rfc3339.exec(text)
  if (match === null) return undefined
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const offset = match[7] === undefined ? 0 : Number(match[8]) * 60 + Number(match[9])
  if (hour > 23 || minute > 59 || second > 60 || offset >= 24 * 60) return undefined
  const days = Date.UTC(year, month - 1, day)
  const date = new Date(days)
  // Years below 100 would be read as 19xx; such a time is before the epoch anyway.
  if (date.getUTCFullYear() !== year || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) {
    return undefined
  }
  // A leap second is kept as the last second of its minute.
  const ofDay = hour * 3600 + minute * 60 + Math.min(second, 59)
  const seconds = days / 1000 + ofDay - (match[7] === '-' ? -offset : offset) * 60
  return seconds < 0 ? undefined : seconds
}

function text(value: string): { readonly type: 's'; readonly value: string } {
  return { type: 's', value }
}
