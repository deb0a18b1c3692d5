import type { ImageConfig } from '../oci/types.js'
import { canonicalJson } from '../oci/index.js'
import type { StoredImage } from '../interfaces/index.js'
import type { SignedImageReference } from '../oci/reference.js'
import { imageVersion } from './image-facts.js'

/** On the physical root. */
export const alephPath = '.bootc-aleph.json'

/** How SELinux stood at install, in bootc's words. */
export type AlephSelinux = 'enabled' | 'disabled' | 'host-disabled' | 'force-target-disabled'

/**
 * What a system was first installed from, for those who look for the cause of an old error.
 *
 * @see bootc 1.16.9 crates/lib/src/install/aleph.rs
 */
export function printAleph(facts: {
  readonly source: SignedImageReference
  readonly target: SignedImageReference
  readonly image: Pick<StoredImage, 'manifestDigest' | 'config'>
  /** `uname -r` of the installing machine. */
  readonly kernel: string
  readonly selinux: AlephSelinux
}): string {
  const { source, target, image, kernel, selinux } = facts
  const labels = image.config.config?.Labels ?? {}
  const name = source.image.name
  return canonicalJson({
    // Where builders of disk images keep theirs for a moment: of no use later.
    image: name.startsWith('/tmp') ? undefined : name,
    digest: image.manifestDigest,
    'target-image': target.image.name,
    labels: Object.keys(labels).length === 0 ? undefined : labels,
    version: imageVersion(image.config) ?? null,
    timestamp: createdLabel(image.config) ?? null,
    kernel,
    selinux,
  })
}

/** RFC 3339 in UTC, with 0, 3, 6 or 9 digits of a second as there are; undefined for what is no time. */
function createdLabel(config: ImageConfig): string | undefined {
  const text = config.config?.Labels?.['org.opencontainers.image.created']
  const match = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)$/.exec(
    text ?? '',
  )
  if (match === null) return undefined
  const [, date, time, fraction = '', zone] = match as unknown as [string, string, string, string?, string?]
  const seconds = Date.parse(`${date}T${time}${zone!.toUpperCase()}`)
  if (Number.isNaN(seconds)) return undefined
  const digits = fraction.padEnd(9, '0').replace(/(?:000)+$/, '')
  return `${new Date(seconds).toISOString().slice(0, 19)}${digits === '' ? '' : `.${digits}`}Z`
}
