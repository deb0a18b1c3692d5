import type { TarEntry } from '../tar/index.js'
import { impliedMeta, type NodeMeta } from './nodes.js'

interface Directory {
  meta: NodeMeta | undefined
  readonly dirs: Map<string, Directory>
  /** Of a layer: names of files, which replace directories, and of whiteouts. */
  readonly files: Set<string>
}

const empty = (): Directory => ({ meta: undefined, dirs: new Map(), files: new Set() })

/** Mounted over at run time: nothing below them is imported. */
const apiDirectories: ReadonlySet<string> = new Set(['run', 'tmp', 'proc', 'sys', 'dev'])

/**
 * The attributes that directories have for OSTree importers, which differ from what all others see: the lowest layer
 * that has a directory decides, and an entry whose parents the layer lacks gives all of them its owner and mode 0755.
 *
 * @see ostree 2026.4 src/libostree/ostree-repo-libarchive.c, ostree-repo-checkout.c
 */
export class OstreeDirectories {
  #merged = empty()
  #layer = empty()

  startLayer(): void {
    this.#layer = empty()
  }

  /** @param meta of a directory entry; undefined for anything else */
  add(entry: Pick<TarEntry, 'name' | 'uid' | 'gid'>, meta: NodeMeta | undefined): void {
    const parts = ostreePath(entry.name)
    if (parts === undefined) return
    const name = parts.pop()
    if (name === undefined) {
      if (meta !== undefined) this.#layer.meta = meta
      return
    }
    const parent = find(this.#layer, parts) ?? this.#createParents(parts, entry)
    if (meta === undefined) {
      parent.files.add(name)
      return
    }
    const directory = parent.dirs.get(name)
    if (directory === undefined) parent.dirs.set(name, { ...empty(), meta })
    else directory.meta = meta
  }

  endLayer(): void {
    this.#layer.meta ??= impliedMeta
    this.#merged = overlay(this.#merged.meta === undefined ? undefined : this.#merged, this.#layer)
    this.#layer = empty()
  }

  /** @returns undefined where OSTree sees no such directory */
  metaOf(path: string): NodeMeta | undefined {
    const parts = ostreePath(path)
    return parts === undefined ? undefined : find(this.#merged, parts)?.meta
  }

  #createParents(parts: readonly string[], { uid, gid }: Pick<TarEntry, 'uid' | 'gid'>): Directory {
    const meta: NodeMeta = { ...impliedMeta, uid, gid }
    let at = this.#layer
    at.meta = meta
    for (const part of parts) {
      let next = at.dirs.get(part)
      if (next === undefined) at.dirs.set(part, (next = empty()))
      next.meta = meta
      at = next
    }
    return at
  }
}

/** /etc is kept at /usr/etc. */
function ostreePath(path: string): string[] | undefined {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  if (parts[0] === 'etc') parts.unshift('usr')
  return parts.length > 1 && apiDirectories.has(parts[0]!) ? undefined : parts
}

function find(root: Directory, parts: readonly string[]): Directory | undefined {
  let at: Directory | undefined = root
  for (const part of parts) at = at?.dirs.get(part)
  return at
}

function overlay(below: Directory | undefined, layer: Directory): Directory {
  const base = layer.files.has('.wh..wh..opq') ? undefined : below
  const meta = base?.meta ?? layer.meta
  const dirs = new Map(base?.dirs)
  for (const name of layer.files) dirs.delete(name.startsWith('.wh.') ? name.slice(4) : name)
  for (const [name, child] of layer.dirs) dirs.set(name, overlay(dirs.get(name), child))
  return { meta, dirs, files: new Set() }
}
