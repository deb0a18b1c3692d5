import { BootcError } from '@bootc-sdk/core'
import { compareNames } from '@bootc-sdk/core/names'
import { mayHaveWhiteouts, opaqueWhiteout, ownWhiteouts, whiteoutPrefix, type TreeNode } from './tree-node.js'

/**
 * Lay a layer over what is there, as checking out one commit after the other into a directory does (union mode
 * with whiteouts), but on dirtrees only.
 *
 * - A directory that exists keeps its owner, mode and attributes; the layer's are ignored.
 * - `.wh..wh..opq` removes the directory first, so its new attributes are the layer's.
 * - Files go in byte order of their names: a file `.wh.NAME` removes NAME, anything else replaces what has its
 *   name. Names that sort before `.wh.` are therefore deleted when one layer both has and whites them out.
 * - A directory replaces a file and the other way round.
 *
 * @param isSymlink tells links among names with the whiteout prefix: those are ordinary entries
 * @returns `dest` itself when nothing changes, `layer` itself where nothing lies below it
 * @throws BootcError `IMAGE_WHITEOUT` for a whiteout without a name
 * @see ostree 2026.4 src/libostree/ostree-repo-checkout.c, checkout_tree_at_recurse
 */
export function overlay(
  dest: TreeNode | undefined,
  layer: TreeNode,
  isSymlink: (checksum: string) => boolean,
  path = '',
): TreeNode {
  const base = layer.files.has(opaqueWhiteout) ? undefined : dest
  if (base === undefined && !mayHaveWhiteouts(layer)) return layer
  const target = new Target(base, layer.meta)
  const entries = [...layer.files]
  if (ownWhiteouts(layer)) entries.sort(([a], [b]) => compareNames(a, b))
  for (const [name, checksum] of entries) {
    if (name.startsWith(whiteoutPrefix) && !isSymlink(checksum)) {
      const victim = name.slice(whiteoutPrefix.length)
      if (victim === '') throw emptyWhiteout(path)
      target.remove(victim)
    } else {
      target.file(name, checksum)
    }
  }
  for (const [name, child] of layer.dirs) {
    target.directory(name, overlay(target.child(name), child, isSymlink, `${path}/${name}`))
  }
  return target.result()
}

/** Copies the maps of the directory below at the first change. */
class Target {
  readonly #base: TreeNode | undefined
  readonly #meta: string
  #files: Map<string, string> | undefined
  #dirs: Map<string, TreeNode> | undefined

  constructor(base: TreeNode | undefined, newMeta: string) {
    this.#base = base
    this.#meta = base?.meta ?? newMeta
  }

  child(name: string): TreeNode | undefined {
    return (this.#dirs ?? this.#base?.dirs)?.get(name)
  }

  file(name: string, checksum: string): void {
    if ((this.#files ?? this.#base?.files)?.get(name) !== checksum) this.files().set(name, checksum)
    if (this.child(name) !== undefined) this.dirs().delete(name)
  }

  directory(name: string, node: TreeNode): void {
    if ((this.#files ?? this.#base?.files)?.has(name) === true) this.files().delete(name)
    if (this.child(name) !== node) this.dirs().set(name, node)
  }

  remove(name: string): void {
    if ((this.#files ?? this.#base?.files)?.has(name) === true) this.files().delete(name)
    if (this.child(name) !== undefined) this.dirs().delete(name)
  }

  result(): TreeNode {
    if (this.#base !== undefined && this.#files === undefined && this.#dirs === undefined) return this.#base
    return {
      meta: this.#meta,
      files: this.#files ?? this.#base?.files ?? new Map(),
      dirs: this.#dirs ?? this.#base?.dirs ?? new Map(),
    }
  }

  private files(): Map<string, string> {
    return (this.#files ??= new Map(this.#base?.files))
  }

  private dirs(): Map<string, TreeNode> {
    return (this.#dirs ??= new Map(this.#base?.dirs))
  }
}

function emptyWhiteout(path: string): BootcError {
  const directory = path === '' ? '/' : path
  return new BootcError('IMAGE_WHITEOUT', `directory ${directory} of a layer has a whiteout without a name`, {
    details: { directory },
  })
}
