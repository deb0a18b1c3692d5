import type { ReadTree, Stat } from '../interfaces/tree.js'
import { joinPath } from '../names/index.js'
import { isSpecial, sameEntry } from './compare.js'
import type { EtcDiff, EtcOptions, EtcPolicy } from './types.js'

/**
 * Local changes: how `current` differs from `pristine`. With policy `ostree` this is what
 * `ostree admin config-diff` lists.
 *
 * @see ostree 2026.4 src/libostree/ostree-diff.c; bootc 1.16.9, crate etc-merge
 */
export async function diffEtc(
  pristine: ReadTree,
  current: ReadTree,
  options: EtcOptions = {},
): Promise<EtcDiff> {
  const walk = new Walk(pristine, current, options)
  await walk.directory('')
  return { modified: walk.modified, removed: walk.removed, added: walk.added }
}

/** Lines as `ostree admin config-diff` prints them: `M    path`, `D    path`, `A    path`. */
export function printEtcDiff({ modified, removed, added }: EtcDiff): string {
  const lines = (letter: string, paths: readonly string[]): string[] =>
    paths.map((path) => `${letter}    ${path}\n`)
  return [...lines('M', modified), ...lines('D', removed), ...lines('A', added)].join('')
}

class Walk {
  readonly modified: string[] = []
  readonly removed: string[] = []
  readonly added: string[] = []
  readonly #pristine: ReadTree
  readonly #current: ReadTree
  readonly #policy: EtcPolicy
  readonly #signal: AbortSignal | undefined

  constructor(pristine: ReadTree, current: ReadTree, options: EtcOptions) {
    this.#pristine = pristine
    this.#current = current
    this.#policy = options.policy ?? 'ostree'
    this.#signal = options.signal
  }

  /** A directory that both trees have. */
  async directory(path: string): Promise<void> {
    const before = await this.#entries(this.#pristine, path)
    const after = await this.#entries(this.#current, path)
    for (const [name, stat] of before) await this.#common(joinPath(path, name), stat, after.get(name))
    for (const [name, stat] of after) {
      if (!before.has(name)) await this.#add(joinPath(path, name), stat)
    }
  }

  async #common(path: string, before: Stat, after: Stat | undefined): Promise<void> {
    this.#signal?.throwIfAborted()
    if (after === undefined) {
      this.removed.push(path)
      return
    }
    const isSame = await sameEntry(
      { tree: this.#pristine, path, stat: before },
      { tree: this.#current, path, stat: after },
      this.#policy,
    )
    if (!isSame) this.modified.push(path)
    if (after.type !== 'directory') return
    if (before.type === 'directory') await this.directory(path)
    // libostree takes the directory as one change.
    else if (this.#policy === 'composefs') await this.#addBelow(path)
  }

  async #add(path: string, stat: Stat): Promise<void> {
    this.#signal?.throwIfAborted()
    this.added.push(path)
    if (stat.type === 'directory') await this.#addBelow(path)
  }

  async #addBelow(path: string): Promise<void> {
    for (const [name, stat] of await this.#entries(this.#current, path)) {
      await this.#add(joinPath(path, name), stat)
    }
  }

  async #entries(tree: ReadTree, path: string): Promise<Map<string, Stat>> {
    const entries = new Map<string, Stat>()
    for await (const { name, stat } of tree.list(path)) {
      if (this.#policy === 'composefs' && isSpecial(stat)) continue
      entries.set(name, stat)
    }
    return entries
  }
}
