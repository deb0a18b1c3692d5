import { memoryDir } from '../../src/testing/index.js'
import type { MemoryDir } from '../../src/testing/index.js'
import type { Dir, ReadTree } from '../../src/interfaces/index.js'
import { joinPath } from '../../src/names/index.js'

/** One entry, as the recorded cases spell it. */
export interface Entry {
  readonly type: 'file' | 'directory' | 'symlink' | 'fifo'
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  readonly content?: string
  readonly target?: string
  readonly xattrs?: Readonly<Record<string, string>>
}

export type Tree = Readonly<Record<string, Entry>>

/** Put entries into a directory, parents first. */
export async function fill(dir: Dir & { special?: MemoryDir['special'] }, tree: Tree): Promise<void> {
  const paths = Object.keys(tree).sort((a, b) => a.split('/').length - b.split('/').length)
  for (const path of paths) {
    const {
      type,
      mode = type === 'directory' ? 0o755 : 0o644,
      uid = 0,
      gid = 0,
      xattrs = {},
      content = '',
      target = '',
    } = tree[path]!
    const meta = {
      mode,
      uid,
      gid,
      xattrs: Object.entries(xattrs).map(([name, value]) => ({ name, value: Buffer.from(value) })),
    }
    if (type === 'directory') await dir.mkdir(path, meta)
    else if (type === 'file') await dir.write(path, Buffer.from(content), meta)
    else if (type === 'symlink') await dir.symlink(target, path, meta)
    else await dir.special!(path, type, meta)
  }
}

export async function treeDir(tree: Tree): Promise<MemoryDir> {
  const dir = memoryDir()
  await fill(dir, tree)
  return dir
}

/** The entries of a directory, in the same spelling; what is default is left out. */
export async function listing(
  dir: ReadTree,
  path = '',
  out: Record<string, Entry> = {},
): Promise<Record<string, Entry>> {
  for await (const { name, stat } of dir.list(path)) {
    const child = joinPath(path, name)
    const xattrs = await dir.xattrs(child)
    out[child] = {
      type: stat.type as Entry['type'],
      mode: stat.type === 'symlink' ? 0o777 : stat.mode,
      ...(stat.uid === 0 ? {} : { uid: stat.uid }),
      ...(stat.gid === 0 ? {} : { gid: stat.gid }),
      ...(stat.type === 'file' ? { content: await textOf(dir, child) } : {}),
      ...(stat.type === 'symlink' ? { target: await dir.readlink(child) } : {}),
      ...(xattrs.length === 0
        ? {}
        : {
            xattrs: Object.fromEntries(
              xattrs.map((xattr) => [xattr.name, Buffer.from(xattr.value).toString()]),
            ),
          }),
    }
    if (stat.type === 'directory') await listing(dir, child, out)
  }
  return out
}

async function textOf(dir: ReadTree, path: string): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const chunk of dir.read(path)) parts.push(chunk)
  return Buffer.concat(parts).toString()
}
