import { BootcError } from '@bootc-sdk/core'
import { copyTree } from './copy.js'
import { isDirectory } from './inode.js'
import type { FileTree, Inode, Xattrs } from './inode.js'
import { copyAttributes, countLinks } from './links.js'

/**
 * Extended attributes that an image keeps: file capabilities, and with `keep-user-xattrs` those of users. All
 * others are of the machine that built it.
 */
export type XattrMode = 'allowlist-only' | 'keep-user-xattrs'

/** In the order in which they are tried against a digest: the default first. */
export const xattrModes: readonly XattrMode[] = ['allowlist-only', 'keep-user-xattrs']

/**
 * Make the tree of an image's layers, or of its mounted root, the one that is identified: the root has the
 * attributes of /usr, /run is empty and as old as /usr, foreign attributes are gone.
 *
 * @returns a new tree; `tree` stays as it is
 * @throws BootcError `STORE_COMPOSEFS_NOT_BOOTABLE` without a directory /usr
 * @see composefs-rs 0.7.0 doc/oci.md, crates/composefs/src/generic_tree.rs
 */
export function ociTransform(tree: FileTree, options: { readonly xattrs?: XattrMode } = {}): FileTree {
  const run = tree.root.children!.get('run')
  const filter = xattrFilter(options.xattrs ?? 'allowlist-only')
  const result = copyTree(tree, (directory) => directory === run, filter)
  const usr = requiredDirectory(result, 'usr')
  copyAttributes(usr, result.root)
  const newRun = result.root.children!.get('run')
  if (newRun !== undefined) {
    if (!isDirectory(newRun)) throw notBootable('/run is not a directory')
    newRun.mtimeSec = usr.mtimeSec
    newRun.mtimeNsec = usr.mtimeNsec
  }
  countLinks(result.root)
  return result
}

/** A directory of the root. @throws BootcError `STORE_COMPOSEFS_NOT_BOOTABLE` */
export function requiredDirectory(tree: FileTree, name: string): Inode {
  const found = tree.root.children!.get(name)
  if (found === undefined) throw notBootable(`/${name} is missing`)
  if (!isDirectory(found)) throw notBootable(`/${name} is not a directory`)
  return found
}

export function notBootable(reason: string): BootcError {
  return new BootcError('STORE_COMPOSEFS_NOT_BOOTABLE', `root file system: ${reason}`, {
    details: { reason },
  })
}

function xattrFilter(mode: XattrMode): (from: Xattrs | undefined) => Xattrs | undefined {
  const isKept = (name: string): boolean =>
    name === 'security.capability' || (mode === 'keep-user-xattrs' && name.startsWith('user.'))
  return (from) => {
    if (from === undefined) return undefined
    const kept = [...from].filter(([name]) => isKept(name))
    if (kept.length === from.size) return from
    return kept.length === 0 ? undefined : new Map(kept)
  }
}
