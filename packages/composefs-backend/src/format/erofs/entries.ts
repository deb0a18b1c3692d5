import { isDirectory, S_IFDIR, S_IFLNK, S_IFMT, type ByteString, type Inode } from '../../tree/inode.js'
import { invalidTree } from '../errors.js'
import { Directory } from './directory.js'

/** What no name has. */
const NOT_IN_NAMES = /[\0/\u0100-\uffff]/
const NOT_BYTES = /[\u0100-\uffff]/

/**
 * Sorted entries of a directory with `.` and `..`.
 *
 * @param extra entries to add where the name is free
 */
export function openDirectory(
  inode: Inode,
  parent: Directory | undefined,
  name: ByteString,
  extra?: ReadonlyMap<ByteString, Inode>,
): Directory {
  let children: ReadonlyMap<ByteString, Inode> = inode.children ?? new Map<ByteString, Inode>()
  for (const [child, target] of children) checkEntry(child, target)
  if (extra !== undefined) children = new Map([...extra, ...children])
  const names = [...children.keys()]
  if (!isSorted(names)) names.sort()
  const inodes = names.map((child) => children.get(child) as Inode)
  insert(names, inodes, '.', inode)
  insert(names, inodes, '..', parent?.inode ?? inode)
  return new Directory(inode, parent, name, names, inodes)
}

function isSorted(names: readonly ByteString[]): boolean {
  for (let i = 1; i < names.length; i++) {
    if ((names[i - 1] as ByteString) > (names[i] as ByteString)) return false
  }
  return true
}

function insert(names: ByteString[], inodes: Inode[], name: ByteString, inode: Inode): void {
  let at = 0
  while (at < names.length && (names[at] as ByteString) < name) at++
  names.splice(at, 0, name)
  inodes.splice(at, 0, inode)
}

function checkEntry(name: ByteString, inode: Inode): void {
  if (name.length === 0 || name.length > 255 || name === '.' || name === '..' || NOT_IN_NAMES.test(name)) {
    throw invalidTree(name, 'not a name of 1 to 255 bytes')
  }
  const type = inode.mode & S_IFMT
  if (type === S_IFLNK) {
    const { target } = inode
    if (target === '' || target.length > 4095 || target.includes('\0') || NOT_BYTES.test(target)) {
      throw invalidTree(name, 'the target of the symbolic link is not 1 to 4095 bytes')
    }
  } else if (type === S_IFDIR && !isDirectory(inode)) {
    throw invalidTree(name, 'a directory without entries')
  }
}
