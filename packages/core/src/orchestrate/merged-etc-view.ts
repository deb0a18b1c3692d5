import type { ReadTree } from '../interfaces/index.js'
import { joinPath } from '../names/index.js'

/**
 * A root whose defaults of /etc lie in /usr/etc, as OSTree keeps them, seen as the image had it: with /etc.
 * Other roots are returned as they are.
 */
export async function withEtcAtRoot(tree: ReadTree): Promise<ReadTree> {
  const [own, kept] = [await tree.stat('etc'), await tree.stat('usr/etc')]
  if (kept?.type !== 'directory' || (own !== undefined && !(await isEmpty(tree, 'etc')))) return tree
  const inner = (path: string): string | undefined => {
    if (path === 'etc') return 'usr/etc'
    if (path.startsWith('etc/')) return `usr/${path}`
    return path === 'usr/etc' || path.startsWith('usr/etc/') ? undefined : path
  }
  /** Names that cannot exist, so that the tree itself says that nothing is there. */
  const absent = (path: string): string => joinPath('usr/etc', '.absent', path.replaceAll('/', '_'))
  return {
    stat: async (path) => {
      const at = inner(path)
      return at === undefined ? undefined : tree.stat(at)
    },
    async *list(path) {
      const at = inner(path) ?? absent(path)
      if (path !== '') {
        for await (const entry of tree.list(at)) if (path !== 'usr' || entry.name !== 'etc') yield entry
        return
      }
      const etc = { name: 'etc', stat: kept }
      let told = false
      for await (const entry of tree.list('')) {
        if (!told && entry.name >= 'etc') {
          told = true
          yield etc
        }
        if (entry.name !== 'etc') yield entry
      }
      if (!told) yield etc
    },
    read: (path, range) => tree.read(inner(path) ?? absent(path), range),
    readlink: (path) => tree.readlink(inner(path) ?? absent(path)),
    xattrs: (path) => tree.xattrs(inner(path) ?? absent(path)),
  }
}

async function isEmpty(tree: ReadTree, path: string): Promise<boolean> {
  for await (const _ of tree.list(path)) return false
  return true
}
