import { lstatSync } from 'node:fs'
import type { Xattr } from '../interfaces/index.js'
import { compareNames } from '../names/index.js'
import type { NodeRoot, Place } from './place.js'
import { errnoOf, fromErrno, treeError } from './tree-error.js'
import { xattrProcess, type XattrProcess } from './xattr-process.js'

// With the addon these are done when they return; without it they are promises, and the place must stay open.

/** All attributes, sorted by name; empty where they are not supported. */
export function readXattrs(root: NodeRoot, place: Place): Xattr[] | Promise<Xattr[]> {
  const { native } = root
  const helper = helperOf(root)
  if (helper !== undefined) return readByHelper(helper, place)
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
  return sorted(out)
}

/** Set the given ones and leave others alone. */
export function setXattrs(root: NodeRoot, place: Place, xattrs: readonly Xattr[]): undefined | Promise<void> {
  if (xattrs.length === 0) return
  const { native } = root
  const helper = helperOf(root)
  if (helper !== undefined) return helper.set(place, xattrs)
  if (native === undefined || !root.supports.xattrs) throw treeError('TREE_UNSUPPORTED', place.shown)
  for (const { name, value } of xattrs) native.sys.setxattr(place.dirfd(), place.rawName, name, value)
}

/** Set the given ones and remove all others. */
export function replaceXattrs(
  root: NodeRoot,
  place: Place,
  xattrs: readonly Xattr[],
): undefined | Promise<void> {
  const helper = helperOf(root)
  if (helper !== undefined) return replaceByHelper(helper, place, xattrs)
  void setXattrs(root, place, xattrs)
  for (const name of unwanted(readXattrs(root, place) as Xattr[], xattrs)) {
    try {
      root.native?.sys.removexattr(place.dirfd(), place.rawName, name)
    } catch (error) {
      if (!isUnremovable(name, error)) throw fromErrno(error, place.shown)
    }
  }
}

function helperOf(root: NodeRoot): XattrProcess | undefined {
  return root.native === undefined && root.supports.xattrs ? xattrProcess() : undefined
}

async function readByHelper(helper: XattrProcess, place: Place): Promise<Xattr[]> {
  try {
    return sorted(await helper.list(place))
  } catch (error) {
    // File systems are not asked beforehand here.
    if (!isUnsupported(error)) throw error
    return []
  }
}

async function replaceByHelper(helper: XattrProcess, place: Place, xattrs: readonly Xattr[]): Promise<void> {
  if (xattrs.length > 0) await helper.set(place, xattrs)
  for (const name of unwanted(await readByHelper(helper, place), xattrs)) {
    try {
      await helper.remove(place, name)
    } catch (error) {
      if (!isUnremovable(name, error)) throw error
    }
  }
}

function sorted(xattrs: Xattr[]): Xattr[] {
  return xattrs.sort((a, b) => compareNames(a.name, b.name))
}

function unwanted(present: readonly Xattr[], wanted: readonly Xattr[]): string[] {
  const keep = new Set(wanted.map((xattr) => xattr.name))
  return present.map((xattr) => xattr.name).filter((name) => !keep.has(name))
}

/** Where SELinux is on, every file has a label and nobody may take it away. */
function isUnremovable(name: string, error: unknown): boolean {
  if (name !== 'security.selinux') return false
  return isUnsupported(error) || ['EACCES', 'EPERM'].includes(errnoOf(error) ?? '')
}

/** One number, two names. */
function isUnsupported(error: unknown): boolean {
  return ['EOPNOTSUPP', 'ENOTSUP'].includes(errnoOf(error) ?? '')
}
