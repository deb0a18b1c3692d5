import { randomBytes } from 'node:crypto'
import { isBootcError, type Dir } from '@bootc-sdk/core'
import { ensureDir, isAbsent, listNames } from './io.js'

/**
 * Directories of transactions lie in `objects/`, so that they are on its file system. composefs-rs looks at
 * `objects/00` to `objects/ff` alone and leaves files of its own there (`.tmp-object-*`).
 */
const prefix = '.bootc-sdk-'

/** What composefs-rs leaves behind when it is killed; it holds the repository's lock while these are in use. */
const foreignObject = /^\.tmp-object-[A-Za-z0-9]+$/
const foreignLink = /^\.symlink-[A-Za-z0-9]+$/

/** A transaction's own directory, locked while it lives. */
export class Staging {
  readonly #dir: Dir
  readonly #lock: AsyncDisposable
  /** Relative to the repository. */
  readonly path: string
  #names = 0

  private constructor(dir: Dir, path: string, lock: AsyncDisposable) {
    this.#dir = dir
    this.path = path
    this.#lock = lock
  }

  static async create(dir: Dir): Promise<Staging> {
    // `cfsctl init` makes no more than meta.json.
    if ((await dir.stat('objects')) === undefined) await ensureDir(dir, 'objects')
    for (;;) {
      const path = `objects/${prefix}${randomBytes(6).toString('hex')}`
      await dir.mkdir(path, { mode: 0o700 })
      const lock = await tryLock(dir, path)
      if (lock === undefined) continue
      let staging: Staging | undefined
      try {
        if ((await dir.stat(path))?.type === 'directory') staging = new Staging(dir, path, lock)
        // Somebody cleaning up took it away before it was locked; locking made a file then.
        else await dir.remove(path)
      } finally {
        if (staging === undefined) await lock[Symbol.asyncDispose]()
      }
      if (staging !== undefined) return staging
    }
  }

  /** A fresh path in it. */
  next(kind: string): string {
    return `${this.path}/${kind}-${this.#names++}`
  }

  async remove(): Promise<void> {
    try {
      await this.#dir.remove(this.path)
    } finally {
      await this.#lock[Symbol.asyncDispose]()
    }
  }
}

/** Remove staging directories whose process is gone: their locks are free. */
export async function removeStale(dir: Dir): Promise<void> {
  for (const name of await listNames(dir, 'objects')) {
    if (!name.startsWith(prefix)) continue
    const path = `objects/${name}`
    if ((await dir.stat(path))?.type !== 'directory') {
      await dir.remove(path)
      continue
    }
    const lock = await tryLock(dir, path)
    if (lock === undefined) continue
    try {
      await dir.remove(path)
    } finally {
      await lock[Symbol.asyncDispose]()
    }
  }
}

/** Remove what killed processes of composefs-rs left. Only with the repository's lock held exclusively. */
export async function removeForeignStale(dir: Dir): Promise<void> {
  for (const name of await listNames(dir, 'objects')) {
    if (foreignObject.test(name)) await dir.remove(`objects/${name}`)
  }
  for (const parent of ['images', 'streams']) {
    for (const name of await listNames(dir, parent)) {
      if (isForeignLink(name)) await dir.remove(`${parent}/${name}`)
    }
  }
}

/** A link on its way to its name. */
export function isForeignLink(name: string): boolean {
  return foreignLink.test(name)
}

async function tryLock(dir: Dir, path: string): Promise<AsyncDisposable | undefined> {
  try {
    return await dir.lock(path, { exclusive: true, timeoutMs: 0 })
  } catch (error) {
    if (isBootcError(error, 'TREE_LOCKED') || isAbsent(error)) return undefined
    throw error
  }
}
