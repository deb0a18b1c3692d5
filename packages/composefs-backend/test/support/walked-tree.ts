import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { objectPath, type VerityAlgorithm } from '../../src/format/types.js'
import { VerityHasher } from '../../src/format/verity.js'
import { Inode, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, type FileTree } from '../../src/tree/inode.js'

/** A line of walk.py; bytes are latin1. */
export interface WalkedEntry {
  readonly path: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly mtimeNs: string
  readonly nlink: number
  readonly ino: string
  readonly xattrs: Readonly<Record<string, string>>
  readonly size?: number
  readonly sha256?: string
  readonly target?: string
  readonly rdev?: string
}

export function parseWalk(output: string): WalkedEntry[] {
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as WalkedEntry)
}

/** Files up to this size are in the image. */
const inlineBytes = 64

/** A directory that was walked, as a tree; larger files become objects. */
export function treeOfWalk(
  directory: string,
  entries: readonly WalkedEntry[],
  objects: string,
  algorithm: VerityAlgorithm,
): FileTree {
  const byPath = new Map<string, Inode>()
  const byNumber = new Map<string, Inode>()
  for (const entry of entries) {
    let inode = byNumber.get(entry.ino)
    if (inode === undefined) {
      inode = inodeOf(entry)
      if ((entry.mode & S_IFMT) === S_IFREG)
        addContent(inode, Buffer.from(directory + entry.path, 'latin1'), objects, algorithm)
      byNumber.set(entry.ino, inode)
    }
    byPath.set(entry.path, inode)
    const slash = entry.path.lastIndexOf('/')
    if (entry.path !== '')
      byPath.get(entry.path.slice(0, slash))!.children!.set(entry.path.slice(slash + 1), inode)
  }
  return { root: byPath.get('')! }
}

function inodeOf(entry: WalkedEntry): Inode {
  const inode = new Inode(entry.mode)
  inode.uid = entry.uid
  inode.gid = entry.gid
  const ns = BigInt(entry.mtimeNs)
  const billion = 1_000_000_000n
  inode.mtimeNsec = Number(((ns % billion) + billion) % billion)
  inode.mtimeSec = Number((ns - BigInt(inode.mtimeNsec)) / billion)
  inode.nlink = entry.nlink
  const xattrs = Object.entries(entry.xattrs)
  if (xattrs.length > 0) inode.xattrs = new Map(xattrs)
  const type = entry.mode & S_IFMT
  if (type === S_IFDIR) inode.children = new Map()
  if (type === S_IFLNK) inode.target = entry.target!
  if (entry.rdev !== undefined) {
    const [major, minor] = entry.rdev.split(':').map(Number) as [number, number]
    inode.rdev = ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0
  }
  return inode
}

function addContent(inode: Inode, path: Buffer, objects: string, algorithm: VerityAlgorithm): void {
  const content = readFileSync(path)
  inode.size = content.length
  if (content.length === 0) return
  if (content.length <= inlineBytes) {
    inode.content = content
    return
  }
  const hasher = new VerityHasher(algorithm)
  hasher.update(content)
  inode.digest = hasher.digest()
  inode.payload = objectPath(inode.digest)
  mkdirSync(join(objects, inode.digest.slice(0, 2)), { recursive: true })
  writeFileSync(join(objects, inode.payload), content)
}

/**
 * What must be the same on both sides: numbers of inodes become the first path that has them; sizes and link
 * counts of directories are the file system's own affair.
 */
export function comparable(entries: readonly WalkedEntry[]): unknown[] {
  const first = new Map<string, string>()
  return entries.map(({ ino, nlink, ...entry }) => {
    if (!first.has(ino)) first.set(ino, entry.path)
    const isDirectory = (entry.mode & S_IFMT) === S_IFDIR
    return { ...entry, sameAs: first.get(ino), ...(isDirectory ? {} : { nlink }) }
  })
}

export function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}
