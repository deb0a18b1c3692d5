import { S_IFLNK, S_IFMT, type ByteString, type FileTree, type Inode } from '../../tree/inode.js'
import {
  FT_CHARACTER,
  XATTR_ESCAPED_WHITEOUT,
  XATTR_ESCAPED_WHITEOUTS,
  XATTR_OPAQUE,
  XATTR_OVERLAY,
  XATTR_OVERLAY_ESCAPED,
  XATTR_USER_WHITEOUT,
  XATTR_USER_WHITEOUTS,
} from '../erofs/constants.js'
import type { Directory } from '../erofs/directory.js'
import type { ImagePlan } from '../erofs/emit.js'
import { planImage, type WriteErofsOptions } from '../erofs/write.js'
import { areaOf } from '../erofs/xattr-area.js'
import type { XattrSet } from '../erofs/xattr-table.js'
import type { VerityAlgorithm } from '../types.js'
import { escapePath } from './escape.js'
import { printLine, sizeOf } from './print-line.js'

/** Attributes that the overlay file system needs and no user set. */
const HIDDEN = new Set<ByteString>([
  XATTR_ESCAPED_WHITEOUT,
  XATTR_ESCAPED_WHITEOUTS,
  XATTR_USER_WHITEOUT,
  XATTR_USER_WHITEOUTS,
  XATTR_OPAQUE,
])

/**
 * Lines as composefs-info prints an image. What stands in them depends on the image in places: sizes of
 * directories, and attributes come with those first that the inode does not share.
 */
export function* printLikeInfo(
  tree: FileTree,
  version: WriteErofsOptions['version'] = { min: 0, max: 1 },
): Generator<string> {
  const plan = planImage(tree, { version, algorithm: algorithmOf(tree), flavor: 'c' })
  const directories = new Map(plan.list.directories.map((directory) => [directory.ino, directory]))
  const firstPaths = new Map<number, string>()
  yield line(plan, 0, '/', plan.list.directories[0], undefined)
  const stack = [{ path: '', directory: plan.list.directories[0] as Directory, at: 0 }]
  for (let frame = stack[0]; frame !== undefined; frame = stack[stack.length - 1]) {
    const at = frame.at++
    const name = frame.directory.names[at]
    if (name === undefined) {
      stack.pop()
      continue
    }
    if (name === '.' || name === '..') continue
    const ino = frame.directory.inos[at] as number
    // A whiteout that is one in the image, as those are that hide the directories of the store.
    if (plan.list.types[ino] === FT_CHARACTER && plan.list.inodes[ino]?.rdev === 0) continue
    const path = `${frame.path}/${escapePath(name)}`
    const directory = directories.get(ino)
    yield line(plan, ino, path, directory, firstPaths.get(ino))
    if (directory !== undefined) stack.push({ path, directory, at: 0 })
    else if (!firstPaths.has(ino)) firstPaths.set(ino, path)
  }
}

function line(
  plan: ImagePlan,
  ino: number,
  path: string,
  directory: Directory | undefined,
  linkTo: string | undefined,
): string {
  const inode = plan.list.inodes[ino] as Inode
  const external = plan.list.kinds[ino] !== 0
  const payload = (inode.mode & S_IFMT) === S_IFLNK ? inode.target : external ? inode.payload : ''
  return printLine(inode, {
    path,
    size: directory?.size ?? sizeOf(inode),
    nlink: plan.list.nlinks[ino] as number,
    ...(linkTo !== undefined && { linkTo }),
    payload,
    digest: external ? inode.digest : '',
    xattrs: xattrs(plan, ino),
  })
}

function* xattrs(plan: ImagePlan, ino: number): Iterable<readonly [ByteString, ByteString]> {
  const area = areaOf(plan.list.sets[ino] as XattrSet, plan.list.kinds[ino] as number, plan.table)
  for (const entry of [...area.inline, ...area.shared]) {
    if (typeof entry === 'symbol' || HIDDEN.has(entry.key)) continue
    const escaped = entry.key.startsWith(XATTR_OVERLAY_ESCAPED)
    yield [escaped ? XATTR_OVERLAY + entry.key.slice(XATTR_OVERLAY_ESCAPED.length) : entry.key, entry.value]
  }
}

/** As the first digest says; all have to be of one kind. */
function algorithmOf(tree: FileTree): VerityAlgorithm {
  const seen = new Set<Inode>([tree.root])
  for (const inode of seen) {
    if (inode.digest !== '') return inode.digest.length > 64 ? 'sha512' : 'sha256'
    for (const child of inode.children?.values() ?? []) seen.add(child)
  }
  return 'sha256'
}
