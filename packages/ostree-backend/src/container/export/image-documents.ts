import type { Descriptor, Digest, ImageConfig, Platform } from '@bootc-sdk/core'
import { canonicalJson, mediaTypes, sha256Digest } from '@bootc-sdk/core/oci'

export interface DocumentsInput {
  readonly platform: Pick<Platform, 'architecture' | 'os'>
  /** As it is to be in the config. */
  readonly created: string
  /** Config of the container, labels included. */
  readonly config: NonNullable<ImageConfig['config']>
  readonly annotations: Readonly<Record<string, string>>
  readonly layers: readonly {
    readonly descriptor: Descriptor
    readonly diffId: Digest
    readonly createdBy: string
  }[]
}

/**
 * Manifest and config as ostree-ext writes them: canonical JSON, a manifest without a media type.
 *
 * @see crate ocidir 0.8.0; bootc 1.16.9, ostree-ext container/encapsulate.rs
 */
export function imageDocuments(input: DocumentsInput): { manifest: Buffer; config: Buffer } {
  const { platform, created, layers } = input
  const createdSeconds = seconds(created)
  const config = json({
    architecture: platform.architecture,
    os: platform.os,
    created,
    config: input.config,
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(({ createdBy }) => ({ created: createdSeconds, created_by: createdBy })),
  })
  const manifest = json({
    schemaVersion: 2,
    config: configDescriptor(config),
    layers: layers.map(({ descriptor }) => descriptor),
    annotations: input.annotations,
  })
  return { manifest, config }
}

export function configDescriptor(config: Uint8Array): Descriptor {
  return { mediaType: mediaTypes.ociConfig, digest: sha256Digest(config), size: config.length }
}

export function json(value: unknown): Buffer {
  return Buffer.from(canonicalJson(value))
}

const rfc3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/

/** A time in history entries: without fractions, in UTC; the epoch for what is no time. */
function seconds(created: string): string {
  const time = rfc3339.test(created) ? Date.parse(created.replace(' ', 'T')) : Number.NaN
  return atSecond(Number.isNaN(time) ? 0 : Math.floor(time / 1000))
}

/** `2023-07-22T04:26:40Z`. */
export function atSecond(timestamp: number): string {
  return new Date(timestamp * 1000).toISOString().replace(/\.\d+Z$/, 'Z')
}
