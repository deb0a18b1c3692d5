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
import type { EntryType, Meta, Stat } from '../interfaces/index.js'
import { fdPath, oPath } from './anchor.js'
import type { NodeRoot, Place } from './place.js'
import { replaceXattrs, setXattrs } from './xattrs.js'

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

/**
 * Attributes of an entry by its name, never following a link. chown first: it clears set-uid bits and capabilities.
 * Done on return, or a promise when extended attributes take one; the place must stay open until then.
 */
export function applyMeta(root: NodeRoot, place: Place, meta: Meta): undefined | Promise<void> {
  const { uid, gid, xattrs, mode, mtime } = meta
  const owned = uid !== undefined || gid !== undefined
  const before = owned && mode === undefined ? lstatSync(place.path).mode & 0o7777 : undefined
  if (owned) lchownSync(place.path, uid ?? -1, gid ?? -1)
  return after(xattrs && replaceXattrs(root, place, xattrs), () => {
    if (mode !== undefined) chmodNoFollow(place.path, mode)
    else if (before !== undefined && (before & 0o6000) !== 0) chmodNoFollow(place.path, before)
    if (mtime !== undefined) lutimesSync(place.path, mtime, mtime)
  })
}

/** The same for a file just made and still open; `place` is its present name. */
export function applyMetaToFd(
  root: NodeRoot,
  fd: number,
  place: Place,
  meta: Meta,
): undefined | Promise<void> {
  const { uid, gid, xattrs, mode, mtime } = meta
  if (uid !== undefined || gid !== undefined) fchownSync(fd, uid ?? -1, gid ?? -1)
  return after(xattrs && setXattrs(root, place, xattrs), () => {
    if (mode !== undefined) fchmodSync(fd, mode & 0o7777)
    if (mtime !== undefined) futimesSync(fd, mtime, mtime)
  })
}

function after(first: undefined | Promise<void>, then: () => void): undefined | Promise<void> {
  if (first !== undefined) return first.then(then)
  then()
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
