import { randomBytes } from 'node:crypto'
import { isBootcError, type Dir } from '@bootc-sdk/core'
import { ensureDir } from './io.js'

const prefix = 'bootc-sdk-'
const lockSuffix = '-lock'

/**
 * A transaction's own directory below `tmp/`, guarded by a locked file beside it.
 *
 * Not called `staging-<boot id>-…`: libostree adopts such leftovers as they are, and ours may hold objects
 * that already have their name but not all of their content.
 */
export class Staging {
  readonly #dir: Dir
  readonly path: string
  readonly #lock: AsyncDisposable

  private constructor(dir: Dir, path: string, lock: AsyncDisposable) {
    this.#dir = dir
    this.path = path
    this.#lock = lock
  }

  /** Removes what dead processes left, then makes a new one. */
  static async create(dir: Dir): Promise<Staging> {
    await ensureDir(dir, 'tmp')
    await removeStale(dir)
    for (;;) {
      const path = `tmp/${prefix}${randomBytes(6).toString('hex')}`
      const lock = await dir.lock(path + lockSuffix, { exclusive: true })
      try {
        // Somebody cleaning up may have seen the file before it was locked and taken it away.
        if ((await dir.stat(path + lockSuffix)) !== undefined) {
          await dir.mkdir(path, { mode: 0o700 })
          return new Staging(dir, path, lock)
        }
      } catch (error) {
        try {
          await dir.remove(path + lockSuffix)
        } finally {
          await lock[Symbol.asyncDispose]()
        }
        throw error
      }
      await lock[Symbol.asyncDispose]()
    }
  }

  /** The lock file goes last: without it the directory would look like nobody's. */
  async remove(): Promise<void> {
    try {
      await this.#dir.remove(this.path)
      await this.#dir.remove(this.path + lockSuffix)
    } finally {
      await this.#lock[Symbol.asyncDispose]()
    }
  }
}

/** Remove staging directories whose process is gone: their locks are free. */
export async function removeStale(dir: Dir): Promise<void> {
  const names: string[] = []
  if ((await dir.stat('tmp')) === undefined) return
  for await (const { name } of dir.list('tmp')) if (name.startsWith(prefix)) names.push(name)
  const stems = new Set(names.map((name) => (name.endsWith(lockSuffix) ? name.slice(0, -5) : name)))
  for (const stem of stems) {
    const path = `tmp/${stem}`
    let lock: AsyncDisposable
    try {
      lock = await dir.lock(path + lockSuffix, { exclusive: true, timeoutMs: 0 })
    } catch (error) {
      if (isBootcError(error, 'TREE_LOCKED')) continue
      throw error
    }
    try {
      await dir.remove(path)
      await dir.remove(path + lockSuffix)
    } finally {
      await lock[Symbol.asyncDispose]()
    }
  }
}

/** Put a file in place so that a power cut leaves the old content or the new, never a part. */
export async function replaceFile(dir: Dir, path: string, bytes: Uint8Array, fsync = true): Promise<void> {
  const staging = await Staging.create(dir)
  try {
    const temporary = `${staging.path}/new`
    await dir.write(temporary, bytes, { mode: 0o644, atomic: false })
    if (fsync) await dir.sync()
    await dir.rename(temporary, path)
    if (fsync) await dir.sync()
  } finally {
    await staging.remove()
  }
}

/**
 * Move finished objects from a staging directory into `objects/`. An object that is there already wins;
 * those in `replace` take its place instead. The caller syncs before and after.
 */
export async function publishByDir(
  dir: Dir,
  stagingPath: string,
  names: readonly string[],
  replace: boolean,
): Promise<number> {
  let moved = 0
  const made = new Set<string>()
  for (const name of names) {
    const parent = name.slice(0, 2)
    if (!made.has(parent)) {
      await ensureDir(dir, `objects/${parent}`)
      made.add(parent)
    }
    try {
      await dir.rename(`${stagingPath}/${name}`, `objects/${name}`, { noReplace: !replace })
      moved++
    } catch (error) {
      if (!isBootcError(error, 'TREE_EXISTS')) throw error
      await dir.remove(`${stagingPath}/${name}`)
    }
  }
  return moved
}
