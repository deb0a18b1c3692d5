import { invalidTree } from '../format/errors.js'

/** Directory of image tags below streams/refs. */
export const tagPrefix = 'oci'

/**
 * Name of a tag below streams/refs: `%` and `/` are encoded, so that one tag is one link.
 *
 * @throws BootcError `STORE_COMPOSEFS_INVALID`: empty, or with the `@` that marks a digest at its beginning
 * @see composefs-rs 0.7.0 crates/composefs-oci/src/oci_image.rs, encode_tag
 */
export function tagRef(tag: string): string {
  if (tag === '' || tag.startsWith('@')) throw invalidTree('tag', `${JSON.stringify(tag)} cannot be one`)
  const encoded = tag.replaceAll('%', '%25').replaceAll('/', '%2F')
  if (encoded === '.' || encoded === '..') throw invalidTree('tag', `${JSON.stringify(tag)} cannot be one`)
  return `${tagPrefix}/${encoded}`
}

/** The tag of a name below streams/refs; undefined when it is none. */
export function tagOf(ref: string): string | undefined {
  if (!ref.startsWith(`${tagPrefix}/`)) return undefined
  const encoded = ref.slice(tagPrefix.length + 1)
  if (encoded === '' || encoded.includes('/')) return undefined
  return encoded.replace(/%(2F|25)/g, (_, hex) => (hex === '25' ? '%' : '/'))
}
