import { isBootcError } from '@bootc-sdk/core'
import { invalidTree } from '../format/errors.js'
import type { ObjectId } from '../format/types.js'
import type { RepoContext } from './context.js'
import { ensureDir, isAbsent } from './io.js'
import { objectTarget, refTarget, type LinkKind } from './links.js'
import type { Staging } from './staging.js'

/** Makes the links of a repository, each replaced in one step; half-made ones never show in streams/ or images/. */
export class LinkWriter {
  readonly #dir: RepoContext['dir']
  readonly #staging: Staging

  constructor(context: RepoContext, staging: Staging) {
    this.#dir = context.dir
    this.#staging = staging
  }

  /** @returns whether anything was changed */
  async toObject(kind: LinkKind, name: string, id: ObjectId): Promise<boolean> {
    await ensureDir(this.#dir, kind)
    return this.#link(`${kind}/${name}`, objectTarget(id))
  }

  async ref(kind: LinkKind, name: string, target: string | undefined): Promise<boolean> {
    const path = `${kind}/refs/${name}`
    if (target === undefined) {
      if ((await this.#dir.stat(path)) === undefined) return false
      await this.#dir.remove(path)
      return true
    }
    const parts = path.split('/')
    for (let i = 1; i < parts.length; i++) await ensureDir(this.#dir, parts.slice(0, i).join('/'))
    return this.#link(path, refTarget(name, target))
  }

  /**
   * A name cannot be both a reference and a directory of references.
   *
   * @throws BootcError `STORE_COMPOSEFS_INVALID`
   */
  async checkRefPlace(kind: LinkKind, name: string): Promise<void> {
    const parts = name.split('/')
    for (let i = 1; i <= parts.length; i++) {
      const part = parts.slice(0, i).join('/')
      const type = (await this.#dir.stat(`${kind}/refs/${part}`))?.type
      if (type === undefined) return
      if (i < parts.length ? type !== 'directory' : type === 'directory') {
        throw invalidTree('reference name', `${JSON.stringify(part)} is a ${type} already`)
      }
    }
  }

  async #link(path: string, target: string): Promise<boolean> {
    if ((await this.#current(path)) === target) return false
    const temporary = this.#staging.next('link')
    await this.#dir.symlink(target, temporary)
    await this.#dir.rename(temporary, path)
    return true
  }

  async #current(path: string): Promise<string | undefined> {
    try {
      return await this.#dir.readlink(path)
    } catch (error) {
      if (isAbsent(error) || isBootcError(error, 'TREE_NOT_SYMLINK')) return undefined
      throw error
    }
  }
}
