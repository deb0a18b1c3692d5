import type { ReadTree } from '../../interfaces/index.js'

/** A root file system with /etc and /var mounted over its own, as the running system sees it. */
export function mountedView(tree: ReadTree, mounts: Readonly<Record<'etc' | 'var', ReadTree>>): ReadTree {
  const at = (path: string): readonly [ReadTree, string] => {
    const match = /^(etc|var)(?:\/(.*))?$/s.exec(path)
    return match === null ? [tree, path] : [mounts[match[1] as 'etc' | 'var'], match[2] ?? '']
  }
  return {
    stat(path) {
      const [from, inner] = at(path)
      return from.stat(inner)
    },
    list(path) {
      const [from, inner] = at(path)
      return from.list(inner)
    },
    read(path, range) {
      const [from, inner] = at(path)
      return from.read(inner, range)
    },
    readlink(path) {
      const [from, inner] = at(path)
      return from.readlink(inner)
    },
    xattrs(path) {
      const [from, inner] = at(path)
      return from.xattrs(inner)
    },
  }
}
