import { parentPath } from '../names/index.js'
import { impliedMeta, type FileNode, type NodeMeta, type TreeList } from './nodes.js'
import type { OstreeDirectories } from './ostree-directories.js'

/**
 * `base` holds the directories as OSTree takes them from the lowest layer, `content` files, `top` the directories with
 * their times, and what replaces files of layers below. The only layer of an image is `all`.
 */
export type LayerRole = 'all' | 'base' | 'content' | 'top'

export interface LayerPlan {
  readonly role: LayerRole
  /** Ids of groups. */
  readonly groups: readonly string[]
  /** Parents first. */
  readonly directories: readonly { readonly path: string; readonly meta: NodeMeta }[]
  /** Paths that vanish. */
  readonly whiteouts: readonly string[]
  /** In the order of the tree; of a file with several names each, the first one carries the content. */
  readonly files: readonly { readonly path: string; readonly node: FileNode }[]
}

/** Makes plans of layers from one tree. */
export class LayerPlanner {
  readonly #tree: TreeList
  readonly #ostree: OstreeDirectories
  readonly #order: ReadonlyMap<string, number>

  constructor(tree: TreeList, ostree: OstreeDirectories) {
    this.#tree = tree
    this.#ostree = ostree
    this.#order = new Map(tree.files.map(({ path }, i) => [path, i]))
  }

  /** Every directory, with its time; and files on top of those of layers below. */
  top(
    role: 'top' | 'all',
    groups: readonly string[],
    files: Iterable<FileNode>,
    whiteouts: readonly string[],
  ): LayerPlan {
    const directories = this.#tree.directories.map(({ path, node }) => ({
      path,
      meta: node.meta ?? impliedMeta,
    }))
    return { role, groups, directories: usrFirst(directories), whiteouts, files: this.#inOrder(files) }
  }

  /** Every directory as OSTree sees it, without its time. */
  base(): LayerPlan {
    const directories = this.#tree.directories.map(({ path, node }) => this.#lower(path, node.meta))
    return { role: 'base', groups: [], directories: usrFirst(directories), whiteouts: [], files: [] }
  }

  /** @param isLowest it holds all directories, else the parents of its files */
  content(groups: readonly string[], nodes: Iterable<FileNode>, isLowest: boolean): LayerPlan {
    const files = this.#inOrder(nodes)
    if (isLowest) return { ...this.base(), role: 'content', groups, files }
    const needed = new Set(['', 'usr'])
    for (const { path } of files) {
      for (let at = parentPath(path); at !== '' && !needed.has(at); at = parentPath(at)) needed.add(at)
    }
    const directories = this.#tree.directories
      .filter(({ path }) => needed.has(path))
      .map(({ path, node }) => this.#lower(path, node.meta))
    return { role: 'content', groups, directories: usrFirst(directories), whiteouts: [], files }
  }

  /** A time of a directory changes with any name in it, and would make layers differ that are the same. */
  #lower(path: string, meta: NodeMeta = impliedMeta): { path: string; meta: NodeMeta } {
    const seen = this.#ostree.metaOf(path) ?? meta
    return { path, meta: { ...seen, mtime: 0, records: seen.records.filter(([key]) => key !== 'mtime') } }
  }

  #inOrder(nodes: Iterable<FileNode>): LayerPlan['files'] {
    const places = [...new Set(nodes)].flatMap((node) => node.names.map((path) => this.#order.get(path)!))
    return Array.from(Uint32Array.from(places).sort(), (place) => this.#tree.files[place]!)
  }
}

/** OSTree moves /etc to /usr/etc: where it meets that first, it invents /usr, and changes the root on the way. */
function usrFirst<T extends { readonly path: string }>(directories: readonly T[]): T[] {
  const first = (path: string): boolean => path === '' || path === 'usr'
  return [...directories.filter(({ path }) => first(path)), ...directories.filter(({ path }) => !first(path))]
}
