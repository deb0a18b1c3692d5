import { parseKeyfile, type Keyfile } from '@bootc-sdk/core/keyfile'
import { invalid } from '../format/errors.js'
import type { OstreeRepo, RepoMode } from './api.js'

const modes: ReadonlyMap<string, RepoMode> = new Map<string, RepoMode>([
  ['bare', 'bare'],
  ['bare-user', 'bare-user'],
  ['bare-user-only', 'bare-user-only'],
  ['archive', 'archive'],
  ['archive-z2', 'archive'],
  ['bare-split-xattrs', 'bare-split-xattrs'],
])

const units: Readonly<Record<string, number>> = { M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 }

/** A boolean of a repository's configuration, in the spellings of GLib. @throws BootcError `STORE_OSTREE_INVALID` */
export function configFlag(repo: Pick<OstreeRepo, 'config'>, group: string, key: string): boolean {
  const text = repo.config(group, key)?.trimEnd() ?? 'false'
  if (text === 'true' || text === '1') return true
  if (text === 'false' || text === '0') return false
  throw invalid(`config ${group}.${key}`, `${JSON.stringify(text)} is no boolean`)
}

/** The `config` file of a repository, with libostree's defaults. */
export class RepoConfig {
  #text: Keyfile

  constructor(text: string) {
    this.#text = parseKeyfile(text)
  }

  get(group: string, key: string): string | undefined {
    return this.#text.get(group, key)
  }

  list(group: string, key: string): readonly string[] | undefined {
    return this.#text.getList(group, key)
  }

  bool(group: string, key: string, fallback: boolean): boolean {
    return this.#text.getBoolean(group, key) ?? fallback
  }

  integer(group: string, key: string, fallback: number): number {
    const text = this.get(group, key)
    if (text === undefined) return fallback
    if (!/^-?\d{1,15}$/.test(text))
      throw invalid(`config ${group}.${key}`, `${JSON.stringify(text)} is no number`)
    return Number(text)
  }

  /** @throws BootcError `STORE_OSTREE_INVALID` for versions and modes that are not known */
  mode(): RepoMode {
    const version = this.get('core', 'repo_version')
    if (version !== '1') throw invalid('config core.repo_version', `${version ?? 'nothing'} is not 1`)
    const text = this.get('core', 'mode') ?? 'bare'
    const mode = modes.get(text)
    if (mode === undefined) throw invalid('config core.mode', `${JSON.stringify(text)} is unknown`)
    return mode
  }

  /** Bytes to be left free on a file system of this size. */
  minFreeBytes(totalBytes: number): number {
    const size = this.get('core', 'min-free-space-size')
    if (size !== undefined) {
      const match = /^(\d{1,9})([MGT])B$/.exec(size)
      if (match === null) throw invalid('config core.min-free-space-size', JSON.stringify(size))
      return Number(match[1]) * units[match[2]!]!
    }
    const percent = this.integer('core', 'min-free-space-percent', 3)
    if (percent < 0 || percent > 99) throw invalid('config core.min-free-space-percent', `${percent}`)
    return Math.floor((totalBytes * percent) / 100)
  }

  /** Names of configured remotes. */
  remotes(): string[] {
    return this.#text.groups().flatMap((group) => /^remote "(.+)"$/.exec(group)?.[1] ?? [])
  }

  /** The text with changes; undefined removes a key. */
  edited(changes: readonly { group: string; key: string; value: string | undefined }[]): string {
    const text = parseKeyfile(this.#text.toString())
    for (const { group, key, value } of changes) text.set(group, key, value)
    return text.toString()
  }

  replace(text: string): void {
    this.#text = parseKeyfile(text)
  }
}
