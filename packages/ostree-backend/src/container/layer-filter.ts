import { repoPrefix } from './names.js'
import { tarPath, tarUnsupported } from './errors.js'
import { placeEntry, placeLinkTarget, splitEntryPath } from './layer-path.js'

/** What the filter looks at. */
export interface FilterEntry {
  readonly name: string
  readonly linkName: string
  readonly kind: 'file' | 'hardlink' | 'other'
  /** Seconds. */
  readonly mtime: number
}

/** What becomes of an entry. */
export type FilterResult =
  | { readonly action: 'drop' }
  /** Keep header and content until a hard link asks for them under `key`. */
  | { readonly action: 'setAside'; readonly key: string }
  | { readonly action: 'keep'; readonly parts: readonly string[] }
  | { readonly action: 'link'; readonly parts: readonly string[]; readonly target: readonly string[] }
  /** A hard link that takes over what was set aside. */
  | { readonly action: 'takeAside'; readonly parts: readonly string[]; readonly key: string }

/**
 * Decides, entry by entry, what of an ordinary container layer goes into the repository. One per layer: it
 * remembers changed copies of repository objects, which container tools leave below /sysroot.
 *
 * @see bootc 1.16.9, ostree-ext tar/write.rs, filter_tar
 */
export class LayerFilter {
  readonly #allowNonUsr: boolean
  readonly #aside = new Set<string>()
  /** Where a copy that was set aside has gone. */
  readonly #taken = new Map<string, readonly string[]>()
  /** Names (first or second component) of dropped paths, with their numbers. */
  readonly dropped = new Map<string, number>()

  /** @param allowNonUsr keep /opt and the like */
  constructor(allowNonUsr: boolean) {
    this.#allowNonUsr = allowNonUsr
  }

  entry(entry: FilterEntry): FilterResult {
    const parts = splitEntryPath(entry.name)
    const name = entry.name.startsWith('/') ? entry.name.slice(1) : entry.name
    const inRepo = name.startsWith(repoPrefix)
    if (entry.mtime > 0) {
      if (inRepo && entry.kind === 'file') {
        this.#aside.add(name)
        this.#taken.delete(name)
        return { action: 'setAside', key: name }
      }
      if (!inRepo && entry.kind === 'hardlink' && entry.linkName.startsWith(repoPrefix)) {
        return this.linkIntoRepo(entry, parts)
      }
    }
    const place = placeEntry(parts, this.#allowNonUsr)
    if ('dropped' in place) {
      this.dropped.set(place.dropped, (this.dropped.get(place.dropped) ?? 0) + 1)
      return { action: 'drop' }
    }
    if (entry.kind !== 'hardlink') return { action: 'keep', parts: place.parts }
    if (entry.linkName === '') throw tarPath(entry.name, 'hard link without a target')
    return { action: 'link', parts: place.parts, target: placeLinkTarget(entry.linkName) }
  }

  /** Such a path is used as it is: neither moved nor filtered. */
  private linkIntoRepo(entry: FilterEntry, parts: readonly string[]): FilterResult {
    const key = entry.linkName
    const target = this.#taken.get(key)
    if (!this.#aside.has(key) && target === undefined) return { action: 'drop' }
    if (parts[0] === 'etc') {
      throw tarUnsupported(entry.name, 'a hard link into /sysroot must not lie in /etc, it would be lost')
    }
    if (target !== undefined) return { action: 'link', parts, target }
    this.#aside.delete(key)
    this.#taken.set(key, parts)
    return { action: 'takeAside', parts, key }
  }
}
