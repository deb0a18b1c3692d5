import type { Meta } from '@bootc-sdk/core'
import type { LabelPath } from './layer-tree.js'

/** SELinux attribute for a new entry. */
export function labelled(label: LabelPath, path: string, mode: number): Pick<Meta, 'xattrs'> {
  const context = label(path, mode)
  return context === undefined
    ? {}
    : { xattrs: [{ name: 'security.selinux', value: Buffer.from(`${context}\0`) }] }
}
