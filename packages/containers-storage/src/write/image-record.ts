import type { Digest, ResolvedImage } from '@bootc-sdk/core'
import { digestHex, sha256Digest } from '@bootc-sdk/core/oci'
import { stringOf, stringsOf, tableOf, type StorageRecord } from './records.js'

/** A document that is kept with an image, by its key. */
export interface BigData {
  readonly key: string
  readonly bytes: Uint8Array
}

export function imageId(image: Pick<ResolvedImage, 'configDigest'>): string {
  return digestHex(image.configDigest)
}

export function documentsOf(image: ResolvedImage): BigData[] {
  return [
    { key: image.configDigest, bytes: image.configBytes },
    { key: `manifest-${image.manifestDigest}`, bytes: image.manifestBytes },
    { key: 'manifest', bytes: image.manifestBytes },
    { key: `signature-${digestHex(image.manifestDigest)}`, bytes: new Uint8Array() },
    // A name with the digest of an index means this image, too.
    ...(image.index === undefined
      ? []
      : [{ key: `manifest-${image.index.digest}`, bytes: image.index.bytes }]),
  ]
}

/**
 * The record of an image, new or with a manifest and a name added.
 *
 * @param parts `layer`: uppermost; `created`: RFC 3339
 * @see containers/image 5.34 storage/storage_dest.go, Commit
 */
export function imageRecord(
  image: ResolvedImage,
  before: StorageRecord | undefined,
  parts: { readonly layer: string | undefined; readonly name: string | undefined; readonly created: string },
): StorageRecord {
  const documents = documentsOf(image)
  const add = (names: readonly string[], more: readonly string[]) => [...new Set([...more, ...names])]
  const named = parts.name === undefined ? [] : [parts.name]
  const old = before ?? { id: imageId(image) }
  const names = add(stringsOf(old, 'names'), named)
  const history = add(stringsOf(old, 'names-history'), named)
  return {
    ...old,
    id: imageId(image),
    digest: image.manifestDigest,
    ...(names.length === 0 ? {} : { names, 'names-history': history }),
    ...(parts.layer === undefined ? {} : { layer: parts.layer }),
    metadata: metadataOf(old, image.manifestDigest),
    'big-data-names': add(
      stringsOf(old, 'big-data-names').filter((key) => !documents.some((each) => each.key === key)),
      documents.map(({ key }) => key),
    ),
    'big-data-sizes': {
      ...tableOf(old, 'big-data-sizes'),
      ...Object.fromEntries(documents.map(({ key, bytes }) => [key, bytes.length])),
    },
    'big-data-digests': {
      ...tableOf(old, 'big-data-digests'),
      ...Object.fromEntries(documents.map(({ key, bytes }) => [key, sha256Digest(bytes)])),
    },
    created: old['created'] ?? parts.created,
  }
}

/** Text of JSON within the JSON. */
function metadataOf(record: StorageRecord, manifestDigest: Digest): string {
  let before: Record<string, unknown> = {}
  try {
    before = (JSON.parse(stringOf(record, 'metadata') ?? '{}') ?? {}) as Record<string, unknown>
  } catch {
    // Nothing that we or podman would miss.
  }
  const sizes = (before['signatures-sizes'] ?? {}) as Record<string, unknown>
  return JSON.stringify({ ...before, 'signatures-sizes': { ...sizes, [manifestDigest]: [] } })
}

/** The same list without a name that now means another image. */
export function withoutName(
  records: readonly StorageRecord[],
  name: string,
  except: string,
): StorageRecord[] {
  return records.map((record) => {
    const names = stringsOf(record, 'names')
    if (record.id === except || !names.includes(name)) return record
    const rest = names.filter((each) => each !== name)
    const { names: _, ...others } = record
    return rest.length === 0 ? (others as StorageRecord) : { ...record, names: rest }
  })
}

/** Digests of the manifests that an image is known by. */
export function manifestDigests(record: StorageRecord): string[] {
  const found = stringsOf(record, 'big-data-names').flatMap((key) => /^manifest-(.*)$/.exec(key)?.[1] ?? [])
  const own = stringOf(record, 'digest')
  return [...new Set([...(own === undefined ? [] : [own]), ...found])]
}
