import type { Dir, Meta, SpecialNode, Stat, WriteOptions } from '@bootc-sdk/core'
import { parentPath } from '@bootc-sdk/core/names'
import { InodeRecords, type Wish } from './inode-records.js'
import { type OwnerTable, sortXattrs } from './owner-table.js'

/** A directory that shows owners, modes and attributes which the caller was not allowed to set. */
export interface RecordingDir extends Dir {
  /** What the disk itself does not say, by path. Walks the directory. */
  owners(): Promise<OwnerTable>
  /** Whether `setImmutable` was called for the entry. */
  isImmutable(path: string): Promise<boolean>
  /** What `mknod` made there. */
  nodeAt(path: string): Promise<SpecialNode | undefined>
}

export interface RecordingOptions {
  /** From `owners()` of an earlier process. Paths that are no more are left out. */
  readonly owners?: OwnerTable
}

/**
 * Let code that sets owners, modes, extended attributes and immutable flags and makes devices run without root: what is asked for is
 * noted beside the directory and shown as if it were so, and on disk everything belongs to the caller, who can read and
 * write it; devices and pipes are empty files. What nobody set belongs to root.
 *
 * It has no `hostPath`, lest programs or the addon go round it; and it must be the only way in which the
 * directory is changed.
 *
 * @param inner empty, or as an earlier recording left it
 */
export async function recordingDir(inner: Dir, options: RecordingOptions = {}): Promise<RecordingDir> {
  const records = new InodeRecords()
  if (options.owners !== undefined) await records.load(inner, options.owners)
  return wrap(inner, records)
}

function wrap(inner: Dir, records: InodeRecords): RecordingDir {
  const note = async (path: string, wish: Wish, fresh: boolean): Promise<void> => {
    const stat = await inner.stat(path)
    if (stat === undefined) return
    const before = fresh
      ? { uid: 0, gid: 0, mode: stat.mode, xattrs: [], immutable: false }
      : records.get(stat)
    const { uid = before.uid, gid = before.gid, mode = before.mode, xattrs } = wish
    records.set(stat, {
      ...before,
      uid,
      gid,
      mode: mode & 0o7777,
      xattrs: xattrs === undefined ? before.xattrs : sortXattrs(xattrs),
    })
  }
  /** Make a file where there may be another one. */
  const replace = async (path: string, options: WriteOptions, make: () => Promise<void>): Promise<void> => {
    await records.assertMutable(inner, path)
    const old = await inner.stat(path)
    try {
      await make()
    } catch (error) {
      if (old !== undefined && (await inner.stat(path))?.ino !== old.ino) records.dropName(old)
      throw error
    }
    // First the old one: the new file may have its number.
    if (old !== undefined) records.dropName(old)
    await note(path, options, true)
  }

  const dir: RecordingDir = {
    ...(inner.hostPath === undefined ? {} : { contentPath: inner.hostPath }),
    // fs-verity would stay behind on this machine's disk, and nobody is to think that it had come along.
    supports: Object.freeze({ ...inner.supports, xattrs: true, chown: true, immutable: true, verity: false }),
    owners: () => records.byPath(inner),
    async isImmutable(path) {
      const stat = await inner.stat(path)
      return stat !== undefined && records.get(stat).immutable
    },
    async nodeAt(path) {
      const stat = await inner.stat(path)
      return stat && records.get(stat).node
    },
    async stat(path) {
      const stat = await inner.stat(path)
      return stat && records.present(stat)
    },
    async *list(path) {
      for await (const { name, stat } of inner.list(path)) yield { name, stat: records.present(stat) }
    },
    read: (path, range) => inner.read(path, range),
    readlink: (path) => inner.readlink(path),
    async xattrs(path) {
      const stat = await inner.stat(path)
      if (stat === undefined) return inner.xattrs(path)
      return records.get(stat).xattrs.map(({ name, value }) => ({ name, value: Uint8Array.from(value) }))
    },
    async mkdir(path, meta = {}) {
      await records.assertMutable(inner, path)
      await inner.mkdir(path, onDisk(meta, 0o700))
      await note(path, meta, true)
    },
    write: (path, data, options = {}) =>
      replace(path, options, () => inner.write(path, data, { ...how(options), ...onDisk(options, 0o600) })),
    copy: (from, to, options = {}) =>
      replace(to, options, () => inner.copy(from, to, { ...how(options), ...onDisk(options, 0o600) })),
    async symlink(target, path, meta = {}) {
      await records.assertMutable(inner, path)
      await inner.symlink(target, path, timeOf(meta))
      await note(path, { ...meta, mode: 0o777 }, true)
    },
    async mknod(path, node, meta = {}) {
      await records.assertMutable(inner, path)
      await inner.write(path, new Uint8Array(0), { ifExists: 'fail', ...onDisk(meta, 0o600) })
      await note(path, { mode: 0o600, ...meta }, true)
      const stat = await inner.stat(path)
      if (stat !== undefined) records.set(stat, { ...records.get(stat), node })
    },
    async link(from, to) {
      await records.assertMutable(inner, from, to)
      await inner.link(from, to)
    },
    async rename(from, to, options = {}) {
      await records.assertMutable(inner, from, to)
      const [source, target] = options.exchange === true ? [] : await both(inner, from, to)
      await inner.rename(from, to, options)
      if (target !== undefined && target.ino !== source?.ino) records.dropName(target)
    },
    async remove(path) {
      // Its own flag is cleared; that of the directory which names it is not.
      if (path !== '') await records.assertNotFlagged(inner, parentPath(path))
      const gone = await records.census(inner, path)
      await inner.remove(path)
      for (const { stat, names } of gone) records.dropName(stat, names)
    },
    async setMeta(path, meta) {
      await records.assertMutable(inner, path)
      const stat = await inner.stat(path)
      await inner.setMeta(path, onDisk(meta, stat?.type === 'directory' ? 0o700 : 0o600))
      await note(path, meta, false)
    },
    async setImmutable(path, immutable) {
      const stat = await inner.stat(path)
      // Absent: the error that reading it gives.
      if (stat === undefined) await inner.xattrs(path)
      else records.set(stat, { ...records.get(stat), immutable })
    },
    sync: () => inner.sync(),
    space: () => inner.space(),
    lock: (path, options) => inner.lock(path, options),
    sub: (path) => wrap(inner.sub(path), records),
  }
  return Object.freeze(dir)
}

/** What is set on disk: nothing that needs rights, and always enough for ourselves. */
function onDisk(meta: Meta, least: number): Meta {
  const mode = meta.mode === undefined ? {} : { mode: (meta.mode & 0o777) | least }
  return { ...mode, ...timeOf(meta) }
}

function how({ ifExists, atomic }: WriteOptions): WriteOptions {
  return { ...(ifExists === undefined ? {} : { ifExists }), ...(atomic === undefined ? {} : { atomic }) }
}

function timeOf({ mtime }: Meta): { mtime?: number } {
  return mtime === undefined ? {} : { mtime }
}

async function both(dir: Dir, from: string, to: string): Promise<(Stat | undefined)[]> {
  return [await dir.stat(from), await dir.stat(to)]
}
