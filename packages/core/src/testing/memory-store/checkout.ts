import { createHash } from 'node:crypto'
import { BootcError } from '../../errors.js'
import type { Dir, Meta, ReadTree, Xattr } from '../../interfaces/index.js'
import { joinPath } from '../../names/index.js'
import { readAll } from '../read-tree.js'
import { makeDirs } from './files.js'
import type { FlatTree } from './flatten.js'
import type { TreeEntry } from './layer.js'

/** Write a flattened image below `target`, /etc as usr/etc; content is shared where the directory can. */
export async function checkoutTree(
  store: Dir,
  tree: FlatTree,
  target: string,
  signal?: AbortSignal,
): Promise<void> {
  await makeDirs(store, target)
  for (const [path, entry] of tree) {
    signal?.throwIfAborted()
    const to = joinPath(target, deployedPath(path))
    const meta = metaOf(store, entry)
    if (entry.type === 'directory') {
      await makeDirs(store, to)
      await store.setMeta(to, { ...meta, mode: entry.mode | 0o700 })
    } else if (entry.type === 'symlink') {
      await store.symlink(entry.target ?? '', to, meta)
    } else {
      await makeDirs(store, to.slice(0, to.lastIndexOf('/')))
      await store.copy(joinPath('objects', entry.object ?? ''), to, { ...meta, atomic: false })
    }
  }
}

/** Copy a directory with its attributes. */
export async function copyTree(store: Dir, from: string, to: string): Promise<void> {
  await makeDirs(store, to)
  for await (const { name, stat } of store.list(from)) {
    const [source, target] = [joinPath(from, name), joinPath(to, name)]
    const { uid, gid, mode } = stat
    const owner = store.supports.chown ? { uid, gid } : {}
    const xattrs = store.supports.xattrs ? { xattrs: settable(store, await store.xattrs(source)) } : {}
    if (stat.type === 'directory') {
      await store.mkdir(target, { mode: mode | 0o700, ...owner, ...xattrs })
      await copyTree(store, source, target)
    } else if (stat.type === 'symlink') {
      await store.symlink(await store.readlink(source), target, owner)
    } else {
      await store.copy(source, target, { mode, ...owner, ...xattrs, atomic: false })
    }
  }
}

export interface KernelFiles {
  readonly kernel: string
  readonly initrds: readonly string[]
  /** sha256 over kernel and initramfs, hex. */
  readonly bootDigest: string
}

/** @throws BootcError `DEPLOY_NO_KERNEL` */
export async function findKernel(root: ReadTree): Promise<KernelFiles> {
  const modules = 'usr/lib/modules'
  if ((await root.stat(modules)) !== undefined) {
    for await (const { name } of root.list(modules)) {
      const kernel = joinPath(modules, name, 'vmlinuz')
      if ((await root.stat(kernel)) === undefined) continue
      const initrd = joinPath(modules, name, 'initramfs.img')
      const initrds = (await root.stat(initrd)) === undefined ? [] : [initrd]
      const hash = createHash('sha256')
      for (const path of [kernel, ...initrds]) hash.update(await readAll(root, path))
      return { kernel, initrds, bootDigest: hash.digest('hex') }
    }
  }
  throw new BootcError('DEPLOY_NO_KERNEL', 'the image has no kernel in usr/lib/modules')
}

function deployedPath(path: string): string {
  return path === 'etc' || path.startsWith('etc/') ? `usr/${path}` : path
}

function metaOf(store: Dir, entry: TreeEntry): Meta {
  const { uid, gid, mtime, mode } = entry
  const xattrs = Object.entries(entry.xattrs).map(([name, value]) => ({
    name,
    value: Buffer.from(value, 'base64'),
  }))
  return {
    mode,
    mtime,
    ...(store.supports.chown ? { uid, gid } : {}),
    ...(store.supports.xattrs ? { xattrs: settable(store, xattrs) } : {}),
  }
}

/** Who may not give files away may not give them capabilities either. */
function settable(store: Dir, xattrs: readonly Xattr[]): readonly Xattr[] {
  return store.supports.chown ? xattrs : xattrs.filter(({ name }) => name.startsWith('user.'))
}
