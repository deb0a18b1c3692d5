import type { Dir, Meta, ReadTree, Stat } from '../interfaces/tree.js'
import { joinPath } from '../names/index.js'
import { isSpecial } from './compare.js'

/** Attributes of an entry, as far as the target can hold them. */
export async function metaOf(tree: ReadTree, path: string, stat: Stat, target: Dir): Promise<Meta> {
  const { chown, xattrs } = target.supports
  return {
    mode: stat.mode,
    ...(chown ? { uid: stat.uid, gid: stat.gid } : {}),
    ...(xattrs ? { xattrs: await tree.xattrs(path) } : {}),
  }
}

/**
 * Copy one entry to the same path, directories with all below them; nothing may be there yet. Devices, pipes
 * and sockets are passed over.
 */
export async function copyEntry(
  source: ReadTree,
  path: string,
  stat: Stat,
  target: Dir,
  signal?: AbortSignal,
): Promise<void> {
  signal?.throwIfAborted()
  if (isSpecial(stat)) return
  const meta = await metaOf(source, path, stat, target)
  switch (stat.type) {
    case 'directory':
      await target.mkdir(path, meta)
      for await (const child of source.list(path)) {
        await copyEntry(source, joinPath(path, child.name), child.stat, target, signal)
      }
      return
    case 'symlink':
      // Its mode means nothing, and setting it fails.
      await target.symlink(await source.readlink(path), path, { ...meta, mode: 0o777 })
      return
    default:
      await target.write(path, source.read(path), { ...meta, mtime: stat.mtime })
  }
}
