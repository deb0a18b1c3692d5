import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeName } from '@bootc-sdk/core/names'
import { nodeDir } from '@bootc-sdk/core/node'
import type { Dir, Meta } from '@bootc-sdk/core'
import { unsupportedDisk } from '../errors.js'
import type { PackNode } from '../scan-tree.js'
import type { Contents, FormatContext } from '../tools/formatters.js'

/** Make the entries in an empty directory, with owners, attributes, times, hard links and immutable flags. */
export async function fillMounted(
  mountPoint: string,
  { nodes, contentPath }: Contents,
  { epoch, signal }: FormatContext,
): Promise<void> {
  const dir = nodeDir(mountPoint)
  // What is made in a directory changes its time, and an immutable one takes nothing more.
  const directories: PackNode[] = []
  for (const node of nodes) {
    signal?.throwIfAborted()
    const { path, type, linkOf } = node
    if (type === 'directory') {
      if (path !== '') await dir.mkdir(path, { mode: 0o700 })
      directories.push(node)
    } else if (linkOf !== undefined) await dir.link(linkOf, path)
    else await make(dir, node, { from: `${contentPath}/${path}`, to: join(mountPoint, path), epoch })
  }
  for (const node of directories.reverse()) {
    await dir.setMeta(node.path, metaOf(node, epoch))
  }
  for (const { path, immutable } of nodes) {
    if (immutable) await dir.setImmutable?.(path, true)
  }
  await dir.sync()
}

async function make(
  dir: Dir,
  node: PackNode,
  { from, to, epoch }: { readonly from: string; readonly to: string; readonly epoch: number },
): Promise<void> {
  const { path, type, target = '' } = node
  const meta = metaOf(node, epoch)
  if (type === 'symlink') {
    const { mode: _, ...rest } = meta
    await dir.symlink(target, path, rest)
  } else if (type === 'file') {
    await copyFile(encodeName(from), encodeName(to))
    await dir.setMeta(path, meta)
  } else if (type !== 'socket' && type !== 'directory' && dir.mknod !== undefined) {
    const { major = 0, minor = 0 } = node.device ?? {}
    await dir.mknod(path, { type, major, minor }, meta)
  } else throw unsupportedDisk(`${JSON.stringify(path)} (${type})`, 'it cannot be made here')
}

function metaOf({ mode, uid, gid, xattrs, mtime }: PackNode, epoch: number): Meta {
  return { mode, uid, gid, xattrs, mtime: Math.max(0, Math.min(mtime, epoch)) }
}
