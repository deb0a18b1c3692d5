import { isDirectory, S_IFCHR, S_IFMT, type ByteString, type FileTree, type Inode } from '../../tree/inode.js'
import { invalidTree } from '../errors.js'
import type { Directory } from './directory.js'
import { openDirectory } from './entries.js'
import { InodeList } from './inode-list.js'
import type { References } from './references.js'
import type { XattrTable } from './xattr-table.js'

/**
 * Numbers the inodes for composefs_version 2: depth first, a file at its first name. Nothing is added to the
 * tree, and whiteouts stay what they are.
 */
export function collectV2(tree: FileTree, table: XattrTable, references: References): InodeList {
  const { root } = tree
  if (!isDirectory(root)) throw invalidTree('/', 'the root is not a directory')
  const list = new InodeList()
  const inos = new Map<Inode, number>()

  const enter = (inode: Inode, parent: Directory | undefined, name: ByteString): Directory => {
    if (inos.has(inode)) throw invalidTree(name, 'a directory has two names')
    const directory = openDirectory(inode, parent, name)
    directory.ino = list.add(inode, table.set(inode.xattrs), 2)
    inos.set(inode, directory.ino)
    list.directories.push(directory)
    return directory
  }

  const addLeaf = (inode: Inode, name: ByteString): number => {
    const known = inos.get(inode)
    if (known === undefined) {
      const ino = list.add(inode, table.set(inode.xattrs), 1)
      inos.set(inode, ino)
      if (references.isExternal(inode)) list.kinds[ino] = references.add(inode)
      return ino
    }
    list.nlinks[known] = (list.nlinks[known] as number) + 1
    const whiteout = (inode.mode & S_IFMT) === S_IFCHR && inode.rdev === 0
    if (whiteout) throw invalidTree(name, 'a whiteout has several names')
    return known
  }

  const stack = [{ directory: enter(root, undefined, ''), at: 0 }]
  for (let frame = stack[0]; frame !== undefined; frame = stack[stack.length - 1]) {
    const { directory, at } = frame
    if (at === directory.entries.length) {
      stack.pop()
      continue
    }
    frame.at++
    const inode = directory.entries[at] as Inode
    const name = directory.names[at] as ByteString
    if (name === '.') directory.inos[at] = directory.ino
    else if (name === '..') directory.inos[at] = (directory.parent ?? directory).ino
    else if (isDirectory(inode)) {
      const child = enter(inode, directory, name)
      directory.inos[at] = child.ino
      list.nlinks[directory.ino] = (list.nlinks[directory.ino] as number) + 1
      stack.push({ directory: child, at: 0 })
    } else directory.inos[at] = addLeaf(inode, name)
  }
  return list
}
