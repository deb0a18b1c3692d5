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
  const enter = (directory: Inode, path: ByteString): Level => {
    labels.set(directory, table.find(path, directory.mode)?.context)
    const start = path.endsWith('/') ? path : `${path}/`
    return { directory, start, children: sortedChildren(directory), next: 0 }
  }
  // No recursion: trees that were read from elsewhere may be deep.
  const levels = [enter(tree.root, '/')]
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    if (level.next === level.children.length) {
      levels.pop()
      continue
    }
    const [name, child] = level.children[level.next++]!
    const path = level.start + name
    const asked = aliases.get(path) ?? path
    if (isDirectory(child)) {
      levels.push(enter(child, asked))
      continue
    }
    const label = table.find(asked, child.mode)?.context
    if (child.nlink === 1 || !done.has(child)) {
      if (child.nlink !== 1) done.set(child, label)
      labels.set(child, label)
    } else if (done.get(child) !== label) {
      const clone = cloneFile(child)
      labels.set(clone, label)
      level.directory.children!.set(name, clone)
      isSplit = true
    }
  }
  if (isSplit) countLinks(tree.root)
}

/** A directory of which the first `next` children are done. */
interface Level {
  readonly directory: Inode
  /** What the paths of its entries start with. */
  readonly start: ByteString
  readonly children: readonly [ByteString, Inode][]
  next: number
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
