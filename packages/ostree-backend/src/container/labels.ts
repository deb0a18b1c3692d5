import type { Xattr } from '@bootc-sdk/core'
import { compareNames } from '@bootc-sdk/core/names'
import type { Labeler } from '@bootc-sdk/core/selinux'
import type { LabelsOf } from './layer-tree.js'
import { noXattrs } from './object-pool.js'

export const selinuxXattr = 'security.selinux'

/** Attributes with this context in place of any other. Sorted. */
export function withLabel(xattrs: readonly Xattr[], context: string | undefined): readonly Xattr[] {
  if (context === undefined) return xattrs
  const label: Xattr = { name: selinuxXattr, value: Buffer.from(`${context}\0`) }
  if (xattrs.length === 0) return [label]
  return [...xattrs.filter(({ name }) => name !== selinuxXattr), label].sort((a, b) =>
    compareNames(a.name, b.name),
  )
}

/** The context stored among attributes; undefined when there is none. */
export function storedLabel(xattrs: readonly Xattr[]): string | undefined {
  const found = xattrs.find(({ name }) => name === selinuxXattr)
  return found && Buffer.from(found.value).toString('utf8').replace(/\0$/, '')
}

export function labelsOf(labeler: Labeler | undefined): LabelsOf {
  if (labeler === undefined) return () => noXattrs
  return (path, mode) => withLabel(noXattrs, labeler.label(path, mode))
}
