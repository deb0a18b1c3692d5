import { invalid } from '../../format/errors.js'
import { lookup } from '../../format/variant-dict.js'
import type { Commit } from '../../repo/api.js'
import { commitLabel } from '../names.js'

export interface LabelOptions {
  /** Keys of text in the commit's metadata that become labels. */
  readonly copyMeta?: readonly string[]
  /** The same for keys that need not be there. */
  readonly copyMetaOptional?: readonly string[]
  /** Also `version`, which older tools look for. */
  readonly legacyVersionLabel?: boolean
  readonly labels?: Readonly<Record<string, string>>
}

/**
 * Labels of an image made from a commit; later ones win.
 *
 * @throws BootcError `STORE_OSTREE_INVALID` when a key is missing or holds no text
 * @see bootc 1.16.9, ostree-ext container/encapsulate.rs, commit_meta_to_labels
 */
export function commitLabels(
  checksum: string,
  { metadata }: Pick<Commit, 'metadata'>,
  options: LabelOptions,
): Record<string, string> {
  const labels = new Map<string, string>()
  for (const key of options.copyMeta ?? []) {
    const value = lookup(metadata, key, 's')
    if (value === undefined) throw invalid('commit metadata', `has no text under ${JSON.stringify(key)}`)
    labels.set(key, value)
  }
  for (const key of options.copyMetaOptional ?? []) {
    if (!metadata.some(([name]) => name === key)) continue
    const value = lookup(metadata, key, 's')
    if (value === undefined) throw invalid('commit metadata', `has no text under ${JSON.stringify(key)}`)
    labels.set(key, value)
  }
  const isBootable = lookup(metadata, 'ostree.bootable', 'b')
  if (isBootable !== undefined) {
    labels.set('ostree.bootable', String(isBootable))
    labels.set('containers.bootc', '1')
  }
  const linux = lookup(metadata, 'ostree.linux', 's')
  if (linux !== undefined) labels.set('ostree.linux', linux)
  const version = lookup(metadata, 'version', 's')
  if (version !== undefined) {
    if (options.legacyVersionLabel === true) labels.set('version', version)
    labels.set('org.opencontainers.image.version', version)
  }
  labels.set(commitLabel, checksum)
  for (const [key, value] of Object.entries(options.labels ?? {})) labels.set(key, value)
  return Object.fromEntries(labels)
}
