import { isDirectory, sortedChildren } from '../../src/tree/inode.js'
import type { FileTree, Inode } from '../../src/tree/inode.js'

/** A tree as plain values by path, for comparing: every attribute, and which names are one file. */
export function describeTree(tree: FileTree): Record<string, unknown> {
  const described: Record<string, unknown> = {}
  const paths = new Map<Inode, string>()
  const walk = (inode: Inode, path: string): void => {
    const first = paths.get(inode)
    if (first !== undefined) {
      described[path] = `the same as ${first}`
      return
    }
    paths.set(inode, path)
    described[path === '' ? '/' : path] = {
      mode: inode.mode.toString(8),
      owner: `${inode.uid}:${inode.gid}`,
      mtime: `${inode.mtimeSec}.${inode.mtimeNsec}`,
      nlink: inode.nlink,
      rdev: inode.rdev,
      size: isDirectory(inode) ? 0 : Number(inode.size || inode.target.length),
      target: inode.target,
      content: inode.content === undefined ? '' : Buffer.from(inode.content).toString('latin1'),
      digest: inode.digest,
      payload: inode.payload,
      xattrs: [...(inode.xattrs ?? [])].sort(([a], [b]) => (a < b ? -1 : 1)),
    }
    if (isDirectory(inode)) for (const [name, child] of sortedChildren(inode)) walk(child, `${path}/${name}`)
  }
  walk(tree.root, '')
  return described
}
