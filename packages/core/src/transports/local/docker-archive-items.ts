import { BootcError, isBootcError } from '../../errors.js'
import { parseDocument } from '../../oci/check.js'
import {
  MemberError,
  arrayMember,
  asObject,
  required,
  stringMember,
  stringsMember,
} from '../../oci/members.js'
import { maxLayers, parseRegistryName, printRegistryName } from '../../oci/index.js'
import type { ImageReference } from '../../oci/reference.js'
import { notFound } from '../transport-errors.js'
import type { DockerArchiveName } from './docker-archive-name.js'

/** Cap of `manifest.json`, in bytes. @see transport.md §3.2 in the format documents */
export const maxItemsBytes = 1024 * 1024

/** One image of a `docker save` archive: names of members. */
export interface ArchiveItem {
  readonly config: string
  readonly tags: readonly string[]
  /** Lowest first. */
  readonly layers: readonly string[]
}

/**
 * Parse `manifest.json` of a `docker save` archive.
 *
 * @throws BootcError `IMAGE_LAYOUT_INVALID`, `IMAGE_TOO_LARGE`
 */
export function parseArchiveItems(bytes: Uint8Array, path: string): ArchiveItem[] {
  return parseDocument(bytes, 'IMAGE_LAYOUT_INVALID', `manifest.json of ${path}`, maxItemsBytes, (value) => {
    const items = arrayMember({ items: value }, 'items', '')
    return (items ?? []).map((item, index) => {
      const where = `[${index}].`
      const object = asObject(item, where)
      const layers = stringsMember(object, 'Layers', where) ?? []
      if (layers.length > maxLayers) throw new MemberError(`${where}Layers has ${layers.length} entries`)
      return {
        config: required(stringMember(object, 'Config', where), `${where}Config`),
        tags: stringsMember(object, 'RepoTags', where) ?? [],
        layers,
      }
    })
  })
}

/**
 * The image that a name means: by name and tag, by position, or the only one.
 *
 * @throws BootcError `TRANSPORT_NOT_FOUND`, `IMAGE_REFERENCE_AMBIGUOUS`
 */
export function pickItem(
  reference: ImageReference,
  name: DockerArchiveName,
  items: readonly ArchiveItem[],
): ArchiveItem {
  const details = { reference: `${reference.transport}:${reference.name}` }
  if (name.position !== undefined) {
    const item = items[name.position]
    if (item === undefined) throw notFound(`image @${name.position} in ${name.path}`, details)
    return item
  }
  if (name.image !== undefined) {
    const item = items.find(({ tags }) => tags.some((tag) => expanded(tag) === name.image))
    if (item === undefined) throw notFound(`image ${name.image} in ${name.path}`, details)
    return item
  }
  if (items.length > 1) {
    const names = items.flatMap(({ tags }, index) => (tags.length > 0 ? tags : [`@${index}`]))
    throw new BootcError(
      'IMAGE_REFERENCE_AMBIGUOUS',
      `${name.path} holds ${items.length} images; name one of ${names.slice(0, 10).join(', ')}`,
      { details: { ...details, names } },
    )
  }
  if (items[0] === undefined) throw notFound(`image in ${name.path}`, details)
  return items[0]
}

/** Tags that cannot be understood match nothing. */
function expanded(tag: string): string | undefined {
  try {
    return printRegistryName(parseRegistryName(tag))
  } catch (error) {
    if (isBootcError(error)) return undefined
    throw error
  }
}
