import type { SpecTable } from '@bootc-sdk/core/selinux'
import { cloneFile } from './copy.js'
import { isDirectory, sortedChildren } from './inode.js'
import type { ByteString, FileTree, Inode, Xattrs } from './inode.js'
import { countLinks, visit } from './links.js'

const attribute = 'security.selinux'

/**
 * Give every inode of a tree the label that a policy has for its path, or none. Changes the tree.
 *
 * A file with several names is labelled by the first one, depth first in byte order; each name that would get
 * another label becomes a file of its own.
 *
 * @param aliases exact path to the path to look up instead, here and for all below
 */
export function relabel(
  tree: FileTree,
  table: SpecTable,
  aliases: ReadonlyMap<ByteString, ByteString>,
): void {
  const labels = new Labels()
  /** What files with several names were labelled. */
  const done = new Map<Inode, ByteString | undefined>()
  let isSplit = false
  const walk = (directory: Inode, path: ByteString): void => {
    labels.set(directory, table.find(path, directory.mode)?.context)
    const start = path.endsWith('/') ? path : `${path}/`
    for (const [name, child] of sortedChildren(directory)) {
      const own = start + name
      const asked = aliases.get(own) ?? own
      if (isDirectory(child)) {
        walk(child, asked)
        continue
      }
      const label = table.find(asked, child.mode)?.context
      if (child.nlink === 1) {
        labels.set(child, label)
      } else if (!done.has(child)) {
        done.set(child, label)
        labels.set(child, label)
      } else if (done.get(child) !== label) {
        const own = cloneFile(child)
        labels.set(own, label)
        directory.children!.set(name, own)
        isSplit = true
      }
    }
  }
  walk(tree.root, '/')
  if (isSplit) countLinks(tree.root)
}

/** Remove all labels. Changes the tree. */
export function removeLabels(tree: FileTree): void {
  const labels = new Labels()
  labels.set(tree.root, undefined)
  visit(tree.root, (inode) => labels.set(inode, undefined))
}

/** Sets labels; inodes with no other attribute share one map for each label. */
class Labels {
  readonly #alone = new Map<ByteString, Xattrs>()

  set(inode: Inode, label: ByteString | undefined): void {
    const old = inode.xattrs
    if (old?.get(attribute) === label && (label !== undefined || old?.has(attribute) !== true)) return
    const others = [...(old ?? [])].filter(([name]) => name !== attribute)
    if (label === undefined) inode.xattrs = others.length === 0 ? undefined : new Map(others)
    else if (others.length > 0) inode.xattrs = new Map([...others, [attribute, label]])
    else inode.xattrs = this.#only(label)
  }

  #only(label: ByteString): Xattrs {
    let shared = this.#alone.get(label)
    if (shared === undefined) this.#alone.set(label, (shared = new Map([[attribute, label]])))
    return shared
  }
}
