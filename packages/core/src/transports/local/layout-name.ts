import { resolve } from 'node:path'
import { BootcError } from '../../errors.js'
import { isIndexMediaType, isManifestMediaType } from '../../oci/media-types.js'
import type { ImageReference } from '../../oci/reference.js'
import type { Descriptor, ImageIndex } from '../../oci/types.js'
import { notFound } from '../transport-errors.js'

/** Name of `oci:` and `oci-archive:` references: `PATH`, `PATH:TAG` or `PATH:@POSITION`. */
export interface LayoutName {
  /** Absolute. */
  readonly path: string
  readonly tag?: string
  /** Position in index.json, from 0. */
  readonly position?: number
}

/** PATH ends at the first `:`. @throws `IMAGE_REFERENCE_INVALID` */
export function parseLayoutName(reference: ImageReference): LayoutName {
  const colon = reference.name.indexOf(':')
  const path = colon < 0 ? reference.name : reference.name.slice(0, colon)
  const rest = colon < 0 ? undefined : reference.name.slice(colon + 1)
  if (path === '' || path.includes('\0')) throw invalid(reference, 'path is empty')
  const absolute = resolve(path)
  if (rest === undefined || rest === '') return { path: absolute }
  if (!rest.startsWith('@')) return { path: absolute, tag: rest }
  if (!/^@(?:0|[1-9][0-9]{0,5})$/.test(rest))
    throw invalid(reference, `position ${JSON.stringify(rest)} is no number`)
  return { path: absolute, position: Number(rest.slice(1)) }
}

const REF_NAME = 'org.opencontainers.image.ref.name'

/**
 * The entry of index.json that a name means: the first with that tag, the one at that position, or the only
 * one. Entries of other media types do not count, except at a position.
 *
 * @throws `TRANSPORT_NOT_FOUND`, `IMAGE_REFERENCE_AMBIGUOUS`
 * @see OCI image-spec 1.1.1 image-layout.md, containers/image 5.34 oci/layout
 */
export function pickEntry(reference: ImageReference, name: LayoutName, index: ImageIndex): Descriptor {
  const details = { reference: `${reference.transport}:${reference.name}` }
  if (name.position !== undefined) {
    const entry = index.manifests[name.position]
    if (!entry) throw notFound(`image @${name.position} in ${name.path}`, details)
    return entry
  }
  const images = index.manifests.filter(
    (d) => isManifestMediaType(d.mediaType) || isIndexMediaType(d.mediaType),
  )
  if (name.tag !== undefined) {
    const entry = images.find((d) => d.annotations?.[REF_NAME] === name.tag)
    if (!entry) throw notFound(`image ${JSON.stringify(name.tag)} in ${name.path}`, details)
    return entry
  }
  if (images.length > 1) {
    const names = images.map((d, i) => d.annotations?.[REF_NAME] ?? `@${i}`)
    throw new BootcError(
      'IMAGE_REFERENCE_AMBIGUOUS',
      `${name.path} holds ${images.length} images; name one of ${names.slice(0, 10).join(', ')}`,
      { details: { ...details, names } },
    )
  }
  if (!images[0]) throw notFound(`image in ${name.path}`, details)
  return images[0]
}

function invalid(reference: ImageReference, problem: string): BootcError {
  const text = `${reference.transport}:${reference.name}`
  return new BootcError('IMAGE_REFERENCE_INVALID', `${text}: ${problem}`, { details: { reference: text } })
}
