import {
  linkSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  realpathSync,
  rmdirSync,
  statfsSync,
  statSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs'
import { isBootcError } from '../errors.js'
import type { Dir } from '../interfaces/index.js'
import { decodeName, encodeName, normalizePath } from '../names/index.js'
import { getNative } from '../native/loader.js'
import { copyFile } from './copy-file.js'
import { setImmutable } from './immutable.js'
import { lockEntry } from './lock.js'
import { applyMeta, toStat } from './metadata.js'
import { makeNode } from './make-node.js'
import { openDirectory, placeBelow, placeOf, type NodeRoot, type Place } from './place.js'
import { readFile } from './read-file.js'
import { removeTree } from './remove-tree.js'
import { renameEntry } from './rename.js'
import { detectSupports } from './supports.js'
import { syncTree } from './sync-tree.js'
import { errnoOf, fromErrno, treeError } from './tree-error.js'
import { enableVerity, measureVerity } from './verity.js'
import { fillWith, makeFile } from './write-file.js'
import { readXattrs } from './xattrs.js'

/**
 * A directory of this machine. Metadata calls are synchronous inside (a system call takes microseconds, a
 * thread pool round trip tens of them); content above 128 KiB and whole-tree work leaves the event loop free.
 *
 * @param hostPath an existing directory; symbolic links in this path itself are followed, once
 * @throws BootcError `TREE_NOT_FOUND`, `TREE_NOT_DIRECTORY`, `TREE_PERMISSION`
 */
export function nodeDir(hostPath: string): Dir {
  try {
    const real = realpathSync(hostPath)
    if (!statSync(real).isDirectory()) throw treeError('TREE_NOT_DIRECTORY', hostPath)
    const native = getNative()
    return openNodeDir({ hostPath: real, native, supports: detectSupports(real, native) })
  } catch (error) {
    throw fromErrno(error, hostPath)
  }
}

function openNodeDir(root: NodeRoot): Dir {
  /** Run a call on a place, release the place, wrap what goes wrong. */
  const on = async <T>(
    path: string,
    find: typeof placeOf,
    call: (place: Place) => T | Promise<T>,
  ): Promise<T> => {
    try {
      using place = find(root, path)
      const result = call(place)
      return result instanceof Promise ? await result : result
    } catch (error) {
      throw fromErrno(error, path)
    }
  }

  const dir: Dir = {
    hostPath: root.hostPath,
    supports: root.supports,
    async stat(path) {
      try {
        using place = placeOf(root, path)
        const stats = place.parent.lstat(place.name)
        return stats === undefined ? undefined : toStat(stats)
      } catch (error) {
        const wrapped = fromErrno(error, path)
        if (isAbsent(wrapped)) return undefined
        throw wrapped
      }
    },
    async *list(path) {
      using directory = openDirectory(root, path)
      for (const name of directory.names()) {
        const stats = directory.lstat(name)
        // Removed since the names were read.
        if (stats !== undefined) yield { name, stat: toStat(stats) }
      }
    },
    read: (path, range) => readFile(root, path, range),
    readlink: (path) =>
      on(path, placeOf, (place) => {
        try {
          return decodeName(readlinkSync(place.path, { encoding: 'buffer' }))
        } catch (error) {
          if (errnoOf(error) !== 'EINVAL') throw error
          throw treeError('TREE_NOT_SYMLINK', path, { problem: 'is not a symbolic link', cause: error })
        }
      }),
    xattrs: (path) => on(path, placeOf, (place) => readXattrs(root, place)),
    mkdir: (path, meta = {}) => {
      if (path === '') return Promise.reject(treeError('TREE_EXISTS', path))
      return on(path, placeBelow, (place) => {
        mkdirSync(place.path, { mode: meta.mode === undefined ? 0o777 : 0o700 })
        return undoing(
          () => applyMeta(root, place, meta),
          () => rmdirSync(place.path),
        )
      })
    },
    write: (path, data, options) => makeFile(root, path, fillWith(data), options),
    symlink: (target, path, meta = {}) =>
      on(path, placeBelow, (place) => {
        if (!root.supports.symlink) throw treeError('TREE_UNSUPPORTED', path)
        symlinkSync(encodeName(target), place.path)
        return undoing(
          () => applyMeta(root, place, meta),
          () => unlinkSync(place.path),
        )
      }),
    link: (from, to) =>
      on(from, placeBelow, (source) => {
        using target = placeBelow(root, to)
        if (!root.supports.hardlink) throw treeError('TREE_UNSUPPORTED', to)
        linkSync(source.path, target.path)
      }),
    mknod: (path, node, meta) => on(path, placeBelow, (place) => makeNode(root, place, node, meta)),
    rename: (from, to, options) => renameEntry(root, from, to, options),
    remove: (path) => removeTree(root, path),
    setMeta: (path, meta) => on(path, placeOf, (place) => applyMeta(root, place, meta)),
    sync: () => syncTree(root),
    space: () =>
      on('', placeOf, () => {
        const { bsize, bavail, blocks } = statfsSync(root.hostPath)
        return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
      }),
    lock: (path, options) => lockEntry(root, path, options),
    copy: (from, to, options) => copyFile(root, from, to, options),
    sub: (path) => {
      const clean = normalizePath(path)
      try {
        using directory = openDirectory(root, clean)
        const hostPath =
          clean === '' ? root.hostPath : `${root.hostPath === '/' ? '' : root.hostPath}/${clean}`
        const sameDevice = directory.lstat('.')!.dev === lstatSync(root.hostPath).dev
        const supports = sameDevice ? root.supports : detectSupports(hostPath, root.native)
        return openNodeDir({ ...root, hostPath, supports })
      } catch (error) {
        throw fromErrno(error, path)
      }
    },
  }
  if (root.supports.immutable) {
    dir.setImmutable = (path, immutable) => on(path, placeOf, (place) => setImmutable(root, place, immutable))
  }
  if (root.supports.verity) {
    dir.enableVerity = (path, algorithm) =>
      on(path, placeBelow, (place) => enableVerity(root, place, algorithm))
    dir.measureVerity = (path) => on(path, placeBelow, (place) => measureVerity(root, place))
  }
  return Object.freeze(dir)
}

/** Do the second half of making an entry, or take back the first. */
function undoing(call: () => undefined | Promise<void>, undo: () => void): undefined | Promise<void> {
  try {
    return call()?.catch((error: unknown) => {
      undo()
      throw error
    })
  } catch (error) {
    undo()
    throw error
  }
}

function isAbsent(error: unknown): boolean {
  return isBootcError(error, 'TREE_NOT_FOUND') || isBootcError(error, 'TREE_NOT_DIRECTORY')
}
