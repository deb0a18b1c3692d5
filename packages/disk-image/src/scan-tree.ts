import type { EntryType, ReadTree, SpecialNode, Stat, Xattr } from '@bootc-sdk/core'
import { compareNames, joinPath } from '@bootc-sdk/core/names'

/** A directory to pack: what its entries are meant to be, and where their content is. */
export interface PackSource {
  readonly tree: Pick<ReadTree, 'stat' | 'list' | 'readlink' | 'xattrs'>
  /** Absolute path of the directory on this machine. */
  readonly contentPath: string
  readonly isImmutable?: (path: string, type: EntryType) => Promise<boolean>
  /** Numbers of a device; without it they are 0:0, which is overlayfs's mark for what it hides. */
  readonly deviceOf?: (path: string) => Promise<DeviceNumbers>
}

export type DeviceNumbers = Pick<SpecialNode, 'major' | 'minor'>

/** An entry of the file system to be made. */
export interface PackNode {
  /** `''` for the root, which comes first. */
  readonly path: string
  readonly type: EntryType
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly mtime: number
  readonly sizeBytes: number
  readonly xattrs: readonly Xattr[]
  readonly immutable: boolean
  /** Of a symbolic link. */
  readonly target?: string
  /** Of a device. */
  readonly device?: DeviceNumbers
  /** Another name of a file that came before, by its path there. */
  readonly linkOf?: string
  /** How many names the file has in this tree. */
  readonly names: number
}

/** At the top of a root: what has its own partitions. */
export const carvedDir = '.bootc-sdk-carved'

/** Of the machine that made the tree, not of the image. */
const leftOut = new Set(['lost+found', '.bootc-sdk-lock', carvedDir])

/**
 * All entries in an order that depends on names alone: of every directory first its entries in byte order, then what
 * is below each. Sockets are left out.
 */
export async function scanTree(source: PackSource, signal?: AbortSignal): Promise<PackNode[]> {
  const { tree } = source
  const nodes: (PackNode & { names: number })[] = []
  const firstNames = new Map<string, (typeof nodes)[number]>()
  const add = async (path: string, stat: Stat): Promise<void> => {
    const { type, mode, uid, gid, mtime, sizeBytes } = stat
    const key =
      type !== 'directory' && stat.nlink > 1 && stat.ino !== 0 ? `${stat.dev}:${stat.ino}` : undefined
    const first = key === undefined ? undefined : firstNames.get(key)
    const plain = { path, type, mode, uid, gid, mtime, sizeBytes, names: 1 }
    if (first !== undefined) {
      first.names++
      nodes.push({ ...plain, xattrs: [], immutable: false, linkOf: first.path })
      return
    }
    const node = {
      ...plain,
      xattrs: await tree.xattrs(path),
      immutable: (await source.isImmutable?.(path, type)) ?? false,
      ...(type === 'symlink' ? { target: await tree.readlink(path) } : {}),
      ...((type === 'char' || type === 'block') && source.deviceOf !== undefined
        ? { device: await source.deviceOf(path) }
        : {}),
    }
    nodes.push(node)
    if (key !== undefined) firstNames.set(key, node)
  }
  const visit = async (path: string): Promise<void> => {
    signal?.throwIfAborted()
    const entries: { name: string; stat: Stat }[] = []
    for await (const entry of tree.list(path)) {
      if (entry.stat.type === 'socket' || (path === '' && leftOut.has(entry.name))) continue
      entries.push(entry)
    }
    entries.sort((a, b) => compareNames(a.name, b.name))
    for (const { name, stat } of entries) await add(joinPath(path, name), stat)
    for (const { name, stat } of entries) {
      if (stat.type === 'directory') await visit(joinPath(path, name))
    }
  }
  await add('', (await tree.stat(''))!)
  await visit('')
  return nodes
}
