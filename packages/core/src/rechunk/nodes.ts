import { compareNames } from '../names/index.js'

/** What an entry has beside its content. */
export interface NodeMeta {
  /** Permission bits, 0o7777. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Whole seconds, of the header; a record `mtime` counts more. */
  readonly mtime: number
  /** PAX records that say something of the file (attributes, ACLs, exact mtime), in byte order of their keys. */
  readonly records: readonly (readonly [key: string, value: Uint8Array])[]
}

/** A file that is no directory; several names may lead to it. */
export interface FileNode {
  readonly kind: 'file' | 'symlink' | 'char' | 'block' | 'fifo'
  readonly meta: NodeMeta
  /** Target of a symbolic link. */
  readonly linkName: string
  readonly devMajor: number
  readonly devMinor: number
  readonly sizeBytes: number
  /** Where the content starts in the spool. */
  readonly offset: number
  /** Hex; known where it was asked for. */
  contentDigest?: string
  /** Paths, in the order of the tree; filled by `listTree`. */
  names: string[]
}

export interface DirectoryNode {
  readonly kind: 'directory'
  /** Undefined where no entry ever described it. */
  meta: NodeMeta | undefined
  readonly children: Map<string, Child>
  /** Last layer that cleared it with an opaque whiteout. */
  clearedBy: number
}

/** A name in a directory. */
export interface Child {
  node: FileNode | DirectoryNode
  /** The layer that put it there, or described it last. */
  layer: number
  /** Last layer with a whiteout for this name. */
  hiddenBy: number
}

export function directoryNode(meta?: NodeMeta): DirectoryNode {
  return { kind: 'directory', meta, children: new Map(), clearedBy: -1 }
}

/** Of directories that no entry describes: what every reader assumes. */
export const impliedMeta: NodeMeta = { mode: 0o755, uid: 0, gid: 0, mtime: 0, records: [] }

/** Everything of an image, in the order of a tree walk in byte order of names. */
export interface TreeList {
  /** The root (`''`) first. */
  readonly directories: readonly { readonly path: string; readonly node: DirectoryNode }[]
  /** One for each name. */
  readonly files: readonly { readonly path: string; readonly node: FileNode }[]
}

/** @returns paths relative to the root; sets `names` of every file */
export function listTree(root: DirectoryNode): TreeList {
  const directories: { path: string; node: DirectoryNode }[] = []
  const files: { path: string; node: FileNode }[] = []
  const visit = (node: DirectoryNode, path: string): void => {
    directories.push({ path, node })
    const names = [...node.children.keys()].sort(compareNames)
    for (const name of names) {
      const below = path === '' ? name : `${path}/${name}`
      const child = node.children.get(name)!.node
      if (child.kind === 'directory') visit(child, below)
      else {
        // An empty list that grows gets room for more names than files ever have.
        if (child.names.length === 0) child.names = [below]
        else child.names.push(below)
        files.push({ path: below, node: child })
      }
    }
  }
  visit(root, '')
  return { directories, files }
}

/** The node at a path, links not followed. */
export function nodeAt(root: DirectoryNode, path: string): FileNode | DirectoryNode | undefined {
  let at: FileNode | DirectoryNode | undefined = root
  if (path === '') return at
  for (const part of path.split('/')) {
    if (at?.kind !== 'directory') return undefined
    at = at.children.get(part)?.node
  }
  return at
}

export function isSameMeta(a: NodeMeta, b: NodeMeta, withMtime: boolean): boolean {
  return metaText(a, withMtime) === metaText(b, withMtime)
}

/** Equal texts mean equal attributes. */
export function metaText(meta: NodeMeta, withMtime: boolean): string {
  const records = meta.records.filter(([key]) => withMtime || key !== 'mtime')
  // The exact time makes the header's one irrelevant.
  const mtime = !withMtime || records.some(([key]) => key === 'mtime') ? '' : String(meta.mtime)
  const texts = records.map(([key, value]) => `${key}=${Buffer.from(value).toString('latin1')}`)
  return JSON.stringify([meta.mode, meta.uid, meta.gid, mtime, ...texts])
}

/** Equal texts mean the same file with the same names. `contentDigest` has to be known. */
export function fileText(node: FileNode): string {
  return JSON.stringify([
    node.kind,
    metaText(node.meta, true),
    node.linkName,
    node.devMajor,
    node.devMinor,
    node.sizeBytes,
    node.contentDigest ?? '',
    node.names,
  ])
}
