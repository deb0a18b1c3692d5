import { closeSync, constants, lstatSync, openSync, rmdirSync, unlinkSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { isBootcError } from '../errors.js'
import type { Anchor } from './anchor.js'
import { fdCalls, type FdCalls } from './fd-calls.js'
import { chmodNoFollow } from './metadata.js'
import { placeBelow, type NodeRoot } from './place.js'
import { errnoOf, fromErrno } from './tree-error.js'

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants

/** Entries removed between two chances for other work. */
const turnEntries = 256

/** Remove an entry and all below it; absent is fine. Links are removed, not followed. */
export async function removeTree(root: NodeRoot, path: string): Promise<void> {
  let removed = 0
  const calls = fdCalls(root.native)

  const removeEntry = async (parent: Anchor, name: string, inside: boolean): Promise<void> => {
    const target = parent.at(name)
    if (++removed % turnEntries === 0) await nextTurn()
    if (isUnlinked(target)) return
    const stat = parent.lstat(name)
    if (stat === undefined) return
    if (!stat.isDirectory()) {
      retrying(calls, parent, name, inside, () => unlinkSync(target))
      return
    }
    using directory = openWritable(calls, parent, name)
    for (const child of directory.names()) await removeEntry(directory, child, true)
    retrying(calls, parent, name, inside, () => rmdirSync(target))
  }

  try {
    using place = placeBelow(root, path)
    await removeEntry(place.parent, place.name, false)
  } catch (error) {
    const wrapped = fromErrno(error, path)
    // Somebody else was faster, or a parent is not there.
    if (isBootcError(wrapped, 'TREE_NOT_FOUND') || isBootcError(wrapped, 'TREE_NOT_DIRECTORY')) return
    throw wrapped
  }
}

/** Nearly everything is a file that can go: one call instead of two. */
function isUnlinked(target: string | Buffer): boolean {
  try {
    unlinkSync(target)
    return true
  } catch (error) {
    // EISDIR: a directory; EPERM: an immutable flag.
    if (['EISDIR', 'EPERM', 'ENOENT'].includes(errnoOf(error) ?? '')) return false
    throw error
  }
}

/** Open a directory to empty it, also where its owner lacks permission. */
function openWritable(calls: FdCalls | undefined, parent: Anchor, name: string): Anchor {
  const path = parent.at(name)
  if ((lstatSync(path).mode & 0o700) !== 0o700) {
    try {
      chmodNoFollow(path, 0o700)
    } catch (error) {
      if (errnoOf(error) !== 'EPERM') throw error
      setMutable(calls, path)
      chmodNoFollow(path, 0o700)
    }
  }
  return parent.openDirectory(name)
}

/** Immutable flags show up as EPERM: on the entry, or on the directory that holds it (if that goes too). */
function retrying(
  calls: FdCalls | undefined,
  parent: Anchor,
  name: string,
  inside: boolean,
  call: () => void,
): void {
  try {
    call()
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return
    if (errnoOf(error) !== 'EPERM' || calls === undefined) throw error
    if (inside) setMutable(calls, parent.at('.'))
    if (!lstatSync(parent.at(name)).isSymbolicLink()) setMutable(calls, parent.at(name))
    call()
  }
}

function setMutable(calls: FdCalls | undefined, path: string | Buffer): void {
  if (calls === undefined) return
  const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  try {
    calls.setImmutable(fd, false)
  } finally {
    closeSync(fd)
  }
}
