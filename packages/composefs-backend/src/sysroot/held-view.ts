import type { Dir, ReadTree, Stat, Xattr } from '@bootc-sdk/core'

/** Attributes that a directory can keep: owners and attributes of the system take privileges. */
export function keptXattrs(xattrs: readonly Xattr[], { supports }: Pick<Dir, 'supports'>): readonly Xattr[] {
  if (!supports.xattrs) return []
  return supports.chown ? xattrs : xattrs.filter(({ name }) => name.startsWith('user.'))
}

/**
 * A tree of an image as it looks once it was copied into a directory that cannot keep everything. What the
 * directory lost must not be taken for a local change when the two are compared.
 */
export async function heldView(tree: ReadTree, target: Dir): Promise<ReadTree> {
  const { chown, xattrs } = target.supports
  if (chown && xattrs) return tree
  const owner = await target.stat('')
  const held = (stat: Stat): Stat =>
    chown || owner === undefined ? stat : { ...stat, uid: owner.uid, gid: owner.gid }
  return {
    async stat(path) {
      const stat = await tree.stat(path)
      return stat && held(stat)
    },
    async *list(path) {
      for await (const { name, stat } of tree.list(path)) yield { name, stat: held(stat) }
    },
    read: (path, range) => tree.read(path, range),
    readlink: (path) => tree.readlink(path),
    xattrs: async (path) => keptXattrs(await tree.xattrs(path), target),
  }
}

/** A directory of a tree as a tree of its own. */
export function subtree(tree: ReadTree, directory: string): ReadTree {
  const at = (path: string) => (path === '' ? directory : `${directory}/${path}`)
  return {
    stat: (path) => tree.stat(at(path)),
    list: (path) => tree.list(at(path)),
    read: (path, range) => tree.read(at(path), range),
    readlink: (path) => tree.readlink(at(path)),
    xattrs: (path) => tree.xattrs(at(path)),
  }
}
