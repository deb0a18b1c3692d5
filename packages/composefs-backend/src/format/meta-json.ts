import { BootcError } from '@bootc-sdk/core'
import type { ErofsVersion, VerityAlgorithm } from './types.js'

/**
 * meta.json at the root of a repository.
 *
 * @see composefs-rs 0.7.0 crates/composefs/src/repository.rs, RepoMetadata
 */
export interface MetaJson {
  readonly algorithm: VerityAlgorithm
  /** Version of the images that every commit makes. */
  readonly erofsVersion: ErofsVersion
  /** Versions made besides. */
  readonly extraErofsVersions: readonly ErofsVersion[]
  readonly features: {
    readonly compatible: readonly string[]
    readonly readOnlyCompatible: readonly string[]
    readonly incompatible: readonly string[]
  }
}

/** Larger than anything that the format can say today, small enough to read without a thought. */
export const maxMetaJsonBytes = 1024 * 1024

const formatVersion = 1
/** Listed exactly when V1 images are the default: programs that know only V2 must not write then. */
const v1Erofs = 'v1_erofs'

/** Contents for a new repository. */
export function newMetaJson(algorithm: VerityAlgorithm, erofsVersion: ErofsVersion): MetaJson {
  return {
    algorithm,
    erofsVersion,
    extraErofsVersions: [],
    features: {
      compatible: [],
      readOnlyCompatible: erofsVersion === 1 ? [v1Erofs] : [],
      incompatible: [],
    },
  }
}

/** The bytes that composefs-rs writes: two spaces of indent, this order of members, a final newline. */
export function printMetaJson(meta: MetaJson): Buffer {
  const { features, extraErofsVersions } = meta
  const value = {
    version: formatVersion,
    algorithm: `fsverity-${meta.algorithm}-12`,
    features: {
      compatible: features.compatible,
      'read-only-compatible': features.readOnlyCompatible,
      incompatible: features.incompatible,
    },
    erofs_formats: {
      default: meta.erofsVersion,
      ...(extraErofsVersions.length === 0 ? {} : { extra: extraErofsVersions }),
    },
  }
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`)
}

/**
 * Members that are not known are ignored; features decide about what is.
 *
 * @throws BootcError `STORE_COMPOSEFS_BAD_META` for damage, a later format, an unknown algorithm or block size,
 *   an unknown incompatible feature
 */
export function parseMetaJson(bytes: Uint8Array): MetaJson {
  const root = object(parseText(bytes), 'meta.json')
  const { version } = root
  if (!Number.isInteger(version) || (version as number) < 0) throw badMeta('"version" is not a number')
  if ((version as number) > formatVersion) throw badMeta(`version ${version as number} is not supported`)
  const listed = root.features === undefined ? {} : object(root.features, '"features"')
  const features = {
    compatible: strings(listed.compatible, 'compatible'),
    readOnlyCompatible: strings(listed['read-only-compatible'], 'read-only-compatible'),
    incompatible: strings(listed.incompatible, 'incompatible'),
  }
  const [unknown] = features.incompatible
  if (unknown !== undefined) throw badMeta(`needs the feature ${JSON.stringify(unknown)}`)
  return {
    algorithm: parseAlgorithm(root.algorithm),
    ...parseFormats(root.erofs_formats, features.readOnlyCompatible.includes(v1Erofs)),
    features,
  }
}

/** Features that forbid writing because nothing is known about them. */
export function unknownReadOnlyFeatures(meta: MetaJson): readonly string[] {
  return meta.features.readOnlyCompatible.filter((feature) => feature !== v1Erofs)
}

export function badMeta(reason: string, cause?: unknown): BootcError<'STORE_COMPOSEFS_BAD_META'> {
  return new BootcError('STORE_COMPOSEFS_BAD_META', `meta.json: ${reason}`, { details: { reason }, cause })
}

function parseText(bytes: Uint8Array): unknown {
  if (bytes.length > maxMetaJsonBytes) throw badMeta(`is larger than ${maxMetaJsonBytes} bytes`)
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch (error) {
    throw badMeta('is not JSON', error)
  }
}

function parseAlgorithm(value: unknown): VerityAlgorithm {
  if (value === 'fsverity-sha256-12') return 'sha256'
  if (value === 'fsverity-sha512-12') return 'sha512'
  throw badMeta(`algorithm ${shown(value)} is not supported`)
}

/**
 * Without the member, and for its value in repositories that lack the feature's meaning (V2 alone), the
 * feature tells V1 from V2.
 */
function parseFormats(value: unknown, v1: boolean): Pick<MetaJson, 'erofsVersion' | 'extraErofsVersions'> {
  const legacy = { erofsVersion: v1 ? 1 : 2, extraErofsVersions: [] } as const
  if (value === undefined) return legacy
  const formats = object(value, '"erofs_formats"')
  const erofsVersion = erofs(formats.default)
  const { extra = [] } = formats
  if (!Array.isArray(extra)) throw badMeta('"extra" is not a list')
  const extraErofsVersions = [...new Set(extra.map(erofs))].sort()
  if (erofsVersion === 2 && extraErofsVersions.length === 0) return legacy
  return { erofsVersion, extraErofsVersions }
}

function erofs(value: unknown): ErofsVersion {
  if (value === 0 || value === 1 || value === 2) return value
  throw badMeta(`EROFS format ${shown(value)} is not supported`)
}

function object(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>
  }
  throw badMeta(`${what} is not an object`)
}

function strings(value: unknown, what: string): string[] {
  if (value === undefined) return []
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value
  throw badMeta(`"${what}" is not a list of names`)
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'missing'
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
