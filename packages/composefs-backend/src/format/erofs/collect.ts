import { Inode, isDirectory, S_IFCHR, S_IFMT, type ByteString, type FileTree } from '../../tree/inode.js'
import type { Flavor } from '../dump/limits.js'
import { invalidTree } from '../errors.js'
import {
  FT_REGULAR,
  XATTR_ESCAPED_OPAQUE,
  XATTR_ESCAPED_WHITEOUT,
  XATTR_ESCAPED_WHITEOUTS,
  XATTR_OPAQUE,
  XATTR_SELINUX,
  XATTR_USER_OPAQUE,
  XATTR_USER_WHITEOUT,
  XATTR_USER_WHITEOUTS,
} from './constants.js'
import type { Directory } from './directory.js'
import { openDirectory } from './entries.js'
import { HardLinkFinder, type HardLinked } from './hard-linked.js'
import { InodeList } from './inode-list.js'
import type { References } from './references.js'
import type { XattrTable } from './xattr-table.js'

const WHITEOUT_MARKS = [
  [XATTR_ESCAPED_WHITEOUT, ''],
  [XATTR_USER_WHITEOUT, ''],
] as const
const WHITEOUTS_MARKS = [
  [XATTR_ESCAPED_WHITEOUTS, ''],
  [XATTR_USER_WHITEOUTS, ''],
] as const
const OPAQUE_MARKS = [
  [XATTR_ESCAPED_OPAQUE, 'x'],
  [XATTR_USER_OPAQUE, 'x'],
] as const

/** Directories of a tree, breadth first, and what the numbering of inodes has to know. */
export interface Survey {
  readonly directories: readonly Directory[]
  readonly hardLinked: ReadonlyMap<Inode, HardLinked>
  /** The inode of all entries `00` to `ff` that hide the directories of the object store. */
  readonly stub: Inode
  readonly hasWhiteouts: boolean
}

/**
 * Walks a tree for composefs_version 0 and 1; its order does not depend on which of the two. Of owners only
 * mkcomposefs knows.
 */
export function survey(tree: FileTree, flavor: Flavor): Survey {
  const { root } = tree
  if (!isDirectory(root)) throw invalidTree('/', 'the root is not a directory')
  const stub = stubOf(root)
  const finder = new HardLinkFinder()
  finder.addDirectory(root, '/')
  const directories = [openDirectory(root, undefined, '', stubs(stub))]
  let hasWhiteouts = false
  for (let d = 0; d < directories.length; d++) {
    const directory = directories[d] as Directory
    const { names, entries } = directory
    for (let i = 0; i < entries.length; i++) {
      const inode = entries[i] as Inode
      const name = names[i] as ByteString
      if (isDirectory(inode)) {
        if (name === '.' || name === '..') continue
        finder.addDirectory(inode, name)
        directories.push(openDirectory(inode, directory, name))
      } else if (inode !== stub) {
        finder.add(inode)
        if (isWhiteout(inode)) hasWhiteouts = true
      }
    }
  }
  return {
    directories,
    hardLinked: finder.find(directories, flavor === 'c' ? tree.owners : undefined),
    stub,
    hasWhiteouts,
  }
}

/** Numbers the inodes and gives them the attributes they have in the image. */
export function collect(
  found: Survey,
  version: 0 | 1,
  flavor: Flavor,
  table: XattrTable,
  references: References,
): InodeList {
  const { directories, hardLinked, stub } = found
  const root = (directories[0] as Directory).inode
  const list = new InodeList()
  const pending: { directory: Directory; at: number; link: HardLinked }[] = []
  let next = 1
  list.add(root, table.none, 0)

  const addLeaf = (inode: Inode, whiteout: boolean, names: number): number => {
    const set = whiteout ? table.marked(inode.xattrs, WHITEOUT_MARKS) : table.set(inode.xattrs)
    const ino = list.add(inode, set, flavor === 'c' && inode.nlink > 0 ? inode.nlink : names)
    if (whiteout) list.types[ino] = FT_REGULAR
    else if (references.isExternal(inode)) list.kinds[ino] = references.add(inode)
    return ino
  }

  for (const directory of directories) {
    const { names, entries, inos } = directory
    list.directories.push(directory)
    let subdirectories = 0
    let whiteouts = false
    for (let i = 0; i < entries.length; i++) {
      const inode = entries[i] as Inode
      const name = names[i] as ByteString
      if (name === '.') inos[i] = directory.ino
      else if (name === '..') inos[i] = (directory.parent ?? directory).ino
      else if (isDirectory(inode)) {
        subdirectories++
        inos[i] = list.add(inode, table.none, 0)
        ;(directories[next++] as Directory).ino = inos[i] as number
      } else {
        const link = hardLinked.size > 0 ? hardLinked.get(inode) : undefined
        const whiteout =
          isWhiteout(inode) && inode !== stub && !isLikeStub(name, inode, stub, directory, flavor)
        if (link === undefined) {
          inos[i] = addLeaf(inode, whiteout, 1)
        } else if (link.owner.directory === directory && link.owner.name === name) {
          if (flavor === 'rs' && isWhiteout(inode)) throw invalidTree(name, 'a whiteout has several names')
          inos[i] = link.ino = addLeaf(inode, whiteout, link.names)
        } else {
          pending.push({ directory, at: i, link })
          continue
        }
        whiteouts ||= whiteout
      }
    }
    const marks: (readonly [ByteString, ByteString])[] = []
    if (whiteouts) marks.push(...WHITEOUTS_MARKS, ...(version === 1 ? OPAQUE_MARKS : []))
    if (directory.parent === undefined) marks.push([XATTR_OPAQUE, 'y'])
    const { xattrs } = directory.inode
    list.sets[directory.ino] = marks.length > 0 ? table.marked(xattrs, marks) : table.set(xattrs)
    list.nlinks[directory.ino] = 2 + subdirectories
  }
  for (const { directory, at, link } of pending) directory.inos[at] = link.ino
  return list
}

function isWhiteout(inode: Inode): boolean {
  return (inode.mode & S_IFMT) === S_IFCHR && inode.rdev === 0
}

function stubOf(root: Inode): Inode {
  const stub = new Inode(S_IFCHR | 0o644)
  stub.uid = root.uid
  stub.gid = root.gid
  stub.mtimeSec = root.mtimeSec
  stub.mtimeNsec = root.mtimeNsec
  stub.nlink = 1
  const label = root.xattrs?.get(XATTR_SELINUX)
  if (label !== undefined) stub.xattrs = new Map([[XATTR_SELINUX, label]])
  return stub
}

function stubs(stub: Inode): Map<ByteString, Inode> {
  return new Map(Array.from({ length: 256 }, (_, i) => [i.toString(16).padStart(2, '0'), stub]))
}

/** composefs-rs cannot tell a user's whiteout in the root from a stub when they are alike in everything. */
function isLikeStub(
  name: ByteString,
  inode: Inode,
  stub: Inode,
  directory: Directory,
  flavor: Flavor,
): boolean {
  return (
    flavor === 'rs' &&
    directory.parent === undefined &&
    /^[0-9a-f]{2}$/.test(name) &&
    inode.mode === stub.mode &&
    inode.uid === stub.uid &&
    inode.gid === stub.gid &&
    inode.mtimeSec === stub.mtimeSec &&
    inode.mtimeNsec === stub.mtimeNsec &&
    (inode.xattrs?.size ?? 0) === (stub.xattrs?.size ?? 0) &&
    inode.xattrs?.get(XATTR_SELINUX) === stub.xattrs?.get(XATTR_SELINUX)
  )
}
