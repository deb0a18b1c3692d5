import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  futimesSync,
  lchownSync,
  lstatSync,
  lutimesSync,
  openSync,
  type Stats,
} from 'node:fs'
import type { EntryType, Meta, Stat, Xattr } from '../interfaces/index.js'
import { compareNames } from '../names/index.js'
import { fdPath, oPath } from './anchor.js'
import type { NodeRoot, Place } from './place.js'
import { errnoOf, fromErrno, treeError } from './tree-error.js'

/** lstat's answer in our words. */
export function toStat(stats: Stats): Stat {
  const { uid, gid, nlink, dev, ino } = stats
  const type = entryType(stats)
  const sizeBytes = type === 'file' || type === 'symlink' ? stats.size : 0
  return {
    type,
    mode: stats.mode & 0o7777,
    uid,
    gid,
    sizeBytes,
    mtime: stats.mtimeMs / 1000,
    nlink,
    dev,
    ino,
  }
}

function entryType(stats: Stats): EntryType {
  if (stats.isFile()) return 'file'
  if (stats.isDirectory()) return 'directory'
  if (stats.isSymbolicLink()) return 'symlink'
  if (stats.isCharacterDevice()) return 'char'
  if (stats.isBlockDevice()) return 'block'
  return stats.isFIFO() ? 'fifo' : 'socket'
}

/** Attributes of an entry by its name, never following a link. chown first: it clears set-uid bits and capabilities. */
export function applyMeta(root: NodeRoot, place: Place, meta: Meta): void {
  const { uid, gid, xattrs, mode, mtime } = meta
  const owned = uid !== undefined || gid !== undefined
  const before = owned && mode === undefined ? lstatSync(place.path).mode & 0o7777 : undefined
  if (owned) lchownSync(place.path, uid ?? -1, gid ?? -1)
  if (xattrs !== undefined) replaceXattrs(root, place, xattrs)
  if (mode !== undefined) chmodNoFollow(place.path, mode)
  else if (before !== undefined && (before & 0o6000) !== 0) chmodNoFollow(place.path, before)
  if (mtime !== undefined) lutimesSync(place.path, mtime, mtime)
}

/** The same for a file just made and still open; `place` is its present name. */
export function applyMetaToFd(root: NodeRoot, fd: number, place: Place, meta: Meta): void {
  const { uid, gid, xattrs, mode, mtime } = meta
  if (uid !== undefined || gid !== undefined) fchownSync(fd, uid ?? -1, gid ?? -1)
  if (xattrs !== undefined) setXattrs(root, place, xattrs)
  if (mode !== undefined) fchmodSync(fd, mode & 0o7777)
  if (mtime !== undefined) futimesSync(fd, mtime, mtime)
}

/** All attributes, sorted by name; empty where they are not supported. */
export function readXattrs(root: NodeRoot, place: Place): Xattr[] {
  const { native } = root
  if (native === undefined || !root.supports.xattrs) {
    // Still an error when there is no such entry.
    lstatSync(place.path)
    return []
  }
  const out: Xattr[] = []
  for (const name of native.sys.listxattr(place.dirfd(), place.rawName)) {
    const value = native.sys.getxattr(place.dirfd(), place.rawName, name)
    if (value !== undefined) out.push({ name: name.toString('utf8'), value })
  }
  return out.sort((a, b) => compareNames(a.name, b.name))
}

function setXattrs(root: NodeRoot, place: Place, xattrs: readonly Xattr[]): void {
  if (xattrs.length === 0) return
  const { native } = root
  if (native === undefined || !root.supports.xattrs) throw treeError('TREE_UNSUPPORTED', place.shown)
  for (const { name, value } of xattrs) native.sys.setxattr(place.dirfd(), place.rawName, name, value)
}

function replaceXattrs(root: NodeRoot, place: Place, xattrs: readonly Xattr[]): void {
  setXattrs(root, place, xattrs)
  const keep = new Set(xattrs.map((xattr) => xattr.name))
  for (const { name } of readXattrs(root, place)) {
    if (keep.has(name)) continue
    try {
      root.native?.sys.removexattr(place.dirfd(), place.rawName, name)
    } catch (error) {
      // Where SELinux is on, every file has a label and nobody may take it away.
      if (name !== 'security.selinux') throw fromErrno(error, place.shown)
      if (!['EACCES', 'EPERM', 'EOPNOTSUPP'].includes(errnoOf(error) ?? '')) throw error
    }
  }
}

/** chmod follows links; a descriptor of the entry itself cannot be led astray. */
export function chmodNoFollow(path: string | Buffer, mode: number): void {
  const procFd = fdPath(0) !== undefined
  if (!procFd) {
    if (!lstatSync(path).isSymbolicLink()) chmodSync(path, mode & 0o7777)
    return
  }
  const fd = openSync(path, oPath | constants.O_NOFOLLOW)
  try {
    if (!fstatSync(fd).isSymbolicLink()) chmodSync(fdPath(fd)!, mode & 0o7777)
  } finally {
    closeSync(fd)
  }
}
