import { BootcError, type Dir, type Stat, type Xattr } from '@bootc-sdk/core'
import { joinPath, parentPath } from '@bootc-sdk/core/names'
import { unsupportedDisk } from '../errors.js'
import type { OwnerRecord, OwnerTable } from './owner-table.js'

/**
 * Records by inode, so that renaming and linking need no book-keeping. A number is used again once its inode is
 * gone; hence whoever removes entries must say so here.
 */
export class InodeRecords {
  readonly #records = new Map<string, OwnerRecord>()
  #everImmutable = false

  /** What the entry should look like. */
  present(stat: Stat): Stat {
    const record = this.#records.get(keyOf(stat))
    if (record === undefined) return { ...stat, uid: 0, gid: 0 }
    const { uid, gid, mode, node } = record
    const type = node?.type ?? stat.type
    return { ...stat, type, uid, gid, mode: stat.type === 'symlink' ? stat.mode : mode }
  }

  get(stat: Stat): OwnerRecord {
    return this.#records.get(keyOf(stat)) ?? { uid: 0, gid: 0, mode: stat.mode, xattrs: [], immutable: false }
  }

  set(stat: Stat, record: OwnerRecord): void {
    const { uid, gid, mode, xattrs, immutable, node } = record
    this.#everImmutable ||= immutable
    const plain = uid === 0 && gid === 0 && xattrs.length === 0 && !immutable && node === undefined
    // Modes of links mean nothing.
    if (plain && (mode === stat.mode || stat.type === 'symlink')) this.#records.delete(keyOf(stat))
    else this.#records.set(keyOf(stat), record)
  }

  /** A name of the entry is gone. */
  dropName(stat: Stat, names = 1): void {
    if (stat.type === 'directory' || stat.nlink <= names) this.#records.delete(keyOf(stat))
  }

  get isEmpty(): boolean {
    return this.#records.size === 0
  }

  /**
   * What the kernel would refuse: a change of an immutable entry, or of the names in an immutable directory.
   *
   * @throws BootcError `TREE_PERMISSION`
   */
  async assertMutable(inner: Dir, ...paths: readonly string[]): Promise<void> {
    if (!this.#everImmutable) return
    for (const path of paths) {
      await this.assertNotFlagged(inner, path)
      await this.assertNotFlagged(inner, parentPath(path))
    }
  }

  /** The same for the entry alone. */
  async assertNotFlagged(inner: Dir, path: string): Promise<void> {
    const stat = this.#everImmutable ? await inner.stat(path) : undefined
    if (stat === undefined || !this.get(stat).immutable) return
    throw new BootcError('TREE_PERMISSION', `${JSON.stringify(path)} is immutable`, { details: { path } })
  }

  /** The records by path; a file with several names is there under each. */
  async byPath(inner: Dir): Promise<OwnerTable> {
    const table = new Map<string, OwnerRecord>()
    const note = (path: string, stat: Stat) => {
      const record = this.#records.get(keyOf(stat))
      if (record !== undefined) table.set(path, record)
    }
    const top = await inner.stat('')
    if (top !== undefined) note('', top)
    for await (const { path, stat } of walk(inner, '')) note(path, stat)
    return table
  }

  async load(inner: Dir, table: OwnerTable): Promise<void> {
    for (const [path, record] of table) {
      const stat = await inner.stat(path)
      if (stat !== undefined) this.set(stat, record)
    }
  }

  /** Names below a path, and how many of them each inode has there. */
  async census(inner: Dir, path: string): Promise<{ stat: Stat; names: number }[]> {
    const top = this.isEmpty ? undefined : await inner.stat(path)
    if (top === undefined) return []
    const found = new Map([[keyOf(top), { stat: top, names: 1 }]])
    if (top.type === 'directory') {
      for await (const { stat } of walk(inner, path)) {
        const known = found.get(keyOf(stat))
        if (known === undefined) found.set(keyOf(stat), { stat, names: 1 })
        else known.names++
      }
    }
    return [...found.values()]
  }
}

export interface Wish {
  readonly uid?: number
  readonly gid?: number
  readonly mode?: number
  readonly xattrs?: readonly Xattr[]
}

async function* walk(dir: Dir, path: string): AsyncIterable<{ path: string; stat: Stat }> {
  const below: string[] = []
  for await (const { name, stat } of dir.list(path)) {
    const child = joinPath(path, name)
    yield { path: child, stat }
    if (stat.type === 'directory') below.push(child)
  }
  for (const child of below) yield* walk(dir, child)
}

function keyOf({ dev, ino }: Stat): string {
  if (ino === 0) throw unsupportedDisk('directory', 'its file system has no inode numbers')
  return `${dev}:${ino}`
}
