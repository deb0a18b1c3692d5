import { linkSync, renameSync, unlinkSync } from 'node:fs'
import { exchangeBy } from './exchange.js'
import { sharedInterpreter } from './interpreter.js'
import { placeBelow, type NodeRoot, type Place } from './place.js'
import { errnoOf, fromErrno, treeError } from './tree-error.js'

/** renameat2(2). @see linux/fs.h */
const renameNoReplace = 1
const renameExchange = 2

/** See `Dir.rename`. */
export async function renameEntry(
  root: NodeRoot,
  from: string,
  to: string,
  { exchange = false, noReplace = false }: { exchange?: boolean; noReplace?: boolean } = {},
): Promise<void> {
  let shown = from
  try {
    using source = placeBelow(root, from)
    shown = to
    using target = placeBelow(root, to)
    // What is missing then is the source: the target's parent was opened.
    shown = from
    if (exchange) {
      exchangeEntries(root, source, target)
    } else if (noReplace) {
      renameNew(root, source, target)
    } else {
      shown = source.parent.lstat(source.name) === undefined ? from : to
      renameSync(source.path, target.path)
    }
  } catch (error) {
    throw fromErrno(error, shown)
  }
}

function exchangeEntries(root: NodeRoot, source: Place, target: Place): void {
  if (!root.supports.exchange) throw treeError('TREE_UNSUPPORTED', target.shown)
  for (const { parent, name, shown } of [source, target]) {
    if (parent.lstat(name) === undefined) throw treeError('TREE_NOT_FOUND', shown)
  }
  if (root.native !== undefined) {
    rename2(root, source, target, renameExchange)
    return
  }
  const [from, to] = [source, target].map((place) => {
    // Names that are not UTF-8 cannot be given to a program.
    if (typeof place.rawName !== 'string') throw treeError('TREE_UNSUPPORTED', place.shown)
    return { fd: place.dirfd(), name: place.rawName }
  })
  exchangeBy(sharedInterpreter()!, from!, to!)
}

function rename2(root: NodeRoot, source: Place, target: Place, flag: number): void {
  root.native!.sys.renameat2(source.dirfd(), source.rawName, target.dirfd(), target.rawName, flag)
}

function renameNew(root: NodeRoot, source: Place, target: Place): void {
  if (target.parent.lstat(target.name)) throw treeError('TREE_EXISTS', target.shown)
  if (root.native !== undefined) {
    try {
      rename2(root, source, target, renameNoReplace)
      return
    } catch (error) {
      // File systems that lack the flag say EINVAL.
      if (errnoOf(error) === 'EEXIST') throw treeError('TREE_EXISTS', target.shown, { cause: error })
      if (errnoOf(error) !== 'EINVAL') throw error
    }
  }
  const stats = source.parent.lstat(source.name)
  if (stats === undefined) throw treeError('TREE_NOT_FOUND', source.shown)
  if (stats.isDirectory() || !root.supports.hardlink) {
    // The look above is all there is without the flag: two renames at the same moment may both win.
    renameSync(source.path, target.path)
    return
  }
  linkSync(source.path, target.path)
  unlinkSync(source.path)
}
