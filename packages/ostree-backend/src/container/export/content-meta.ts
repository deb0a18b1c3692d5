import { parseStrictJson, type JsonObject, type JsonValue } from '@bootc-sdk/core/oci'
import { isChecksum } from '../../format/checksum.js'
import { invalid } from '../../format/errors.js'
import { alwaysChanges } from './packing.js'

/** Which component every content object belongs to. */
export interface ContentMeta {
  /** RFC 3339; replaces the time of the commit. */
  readonly created?: string
  /** Take precedence over others. */
  readonly labels?: Readonly<Record<string, string>>
  /** In the order of the layers, where there is one for each. */
  readonly components: readonly ContentComponent[]
  /** Ids of components by checksum of the content object. */
  readonly mapping: ReadonlyMap<string, string>
}

export interface ContentComponent {
  readonly id: string
  readonly name: string
  /** Default 1. */
  readonly changeFrequency?: number
}

/** What belongs to no package is different in every build. */
const unpackaged = 'unpackaged'

/**
 * Parse the JSON that `--contentmeta` takes: `{version: 1, created?, labels?, layers: {id: name}, mapping: {checksum:
 * id}}`. Ids that are integers come first whatever their place: JSON objects in JavaScript have them so.
 *
 * @throws BootcError `STORE_OSTREE_INVALID`
 * @see bootc 1.16.9, ostree-ext cli.rs, RawMeta
 */
export function parseContentMeta(bytes: Uint8Array): ContentMeta {
  const root = objectOf(parseJson(bytes), 'the document')
  if (root['version'] !== 1) throw bad(`version ${JSON.stringify(root['version'])} is not known, only 1 is`)
  if (root['ordered'] === true) throw bad('an ordered mapping is not supported')
  const { created } = root
  if (created !== undefined && created !== null && typeof created !== 'string')
    throw bad('created is no text')
  const layers = textsOf(root['layers'], 'layers')
  const mapping = textsOf(root['mapping'], 'mapping')
  for (const [checksum, id] of mapping) {
    if (!isChecksum(checksum)) throw bad(`mapping has ${JSON.stringify(checksum)}, which is no checksum`)
    if (!layers.has(id)) throw bad(`mapping names ${JSON.stringify(id)}, which is not in layers`)
  }
  const labels = root['labels']
  return {
    ...(typeof created === 'string' ? { created } : {}),
    ...(labels === undefined || labels === null
      ? {}
      : { labels: Object.fromEntries(textsOf(labels, 'labels')) }),
    components: [...layers].map(([id, name]) => ({
      id,
      name,
      changeFrequency: id === unpackaged ? alwaysChanges : 1,
    })),
    mapping,
  }
}

function parseJson(bytes: Uint8Array): JsonValue {
  try {
    return parseStrictJson(bytes)
  } catch (error) {
    throw bad(error instanceof Error ? error.message : 'no JSON')
  }
}

function objectOf(value: JsonValue | undefined, what: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(`${what} is no object`)
  return value
}

function textsOf(value: JsonValue | undefined, what: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const [key, text] of Object.entries(objectOf(value, what))) {
    if (typeof text !== 'string') throw bad(`${what} has a value that is no text`)
    found.set(key, text)
  }
  return found
}

function bad(reason: string): Error {
  return invalid('content metadata', reason)
}
