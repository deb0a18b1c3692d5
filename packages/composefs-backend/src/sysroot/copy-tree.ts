import type { Dir, Meta, ReadTree, Stat } from '@bootc-sdk/core'
import { joinPath } from '@bootc-sdk/core/names'
import { keptXattrs } from './held-view.js'

/**
 * Copy a directory of an image into an existing directory, as `cp -a SOURCE/. TARGET/` does: owners, modes,
 * times, attributes and hard links, as far as the target can hold them. Devices, pipes and sockets are passed
 * over. Nothing is durable before a sync.
 *
 * @param skip names directly in the source that are not copied
 */
export async function copyTree(
  source: ReadTree,
  from: string,
  target: Dir,
  to: string,
  options: { readonly signal?: AbortSignal | undefined; readonly skip?: ReadonlySet<string> } = {},
): Promise<void> {
  const copy = new Copy(source, target, options.signal)
  const stat = await source.stat(from)
  if (stat?.type !== 'directory') return
  await copy.entries(from, to, options.skip)
  await target.setMeta(to, await copy.meta(from, stat))
}

class Copy {
  /** First copies of files with several names, by inode. */
  readonly #copied = new Map<number, string>()

  constructor(
    readonly source: ReadTree,
    readonly target: Dir,
    readonly signal: AbortSignal | undefined,
  ) {}

  async entries(from: string, to: string, skip: ReadonlySet<string> = new Set()): Promise<void> {
    for await (const { name, stat } of this.source.list(from)) {
      this.signal?.throwIfAborted()
      if (!skip.has(name)) await this.#entry(joinPath(from, name), joinPath(to, name), stat)
    }
  }

  async meta(path: string, { mode, uid, gid, mtime }: Stat): Promise<Meta> {
    const { target } = this
    const xattrs = keptXattrs(await this.source.xattrs(path), target)
    return {
      ...{ mode, mtime },
      ...(target.supports.chown ? { uid, gid } : {}),
      ...(xattrs.length > 0 ? { xattrs } : {}),
    }
  }

  async #entry(from: string, to: string, stat: Stat): Promise<void> {
    switch (stat.type) {
      case 'directory':
        await this.target.mkdir(to)
        await this.entries(from, to)
        // Last, because what is put into it changes its time.
        return this.target.setMeta(to, await this.meta(from, stat))
      case 'symlink':
        // Its mode means nothing, and setting it fails.
        return this.target.symlink(await this.source.readlink(from), to, {
          ...(await this.meta(from, stat)),
          mode: 0o777,
        })
      case 'file':
        return this.#file(from, to, stat)
      default:
        return
    }
  }

  async #file(from: string, to: string, stat: Stat): Promise<void> {
    const first = stat.nlink > 1 && this.target.supports.hardlink ? this.#copied.get(stat.ino) : undefined
    if (first !== undefined) return this.target.link(first, to)
    const meta = await this.meta(from, stat)
    await this.target.write(to, this.source.read(from), { ...meta, atomic: false })
    if (stat.nlink > 1) this.#copied.set(stat.ino, to)
  }
}
