import type { NativeAddon } from '@bootc-sdk/native'
import type { DirSupports } from '../interfaces/index.js'
import { baseName, normalizePath, parentPath } from '../names/index.js'
import { Anchor, hostName } from './anchor.js'
import { fromErrno, treeError } from './tree-error.js'

/** What all operations of one directory share. */
export interface NodeRoot {
  /** Absolute, without symbolic links. */
  readonly hostPath: string
  readonly native: NativeAddon | undefined
  readonly supports: DirSupports
}

/** An entry by its parent, held open, and its name; the entry itself may be missing. */
export class Place implements Disposable {
  readonly path: string | Buffer
  /** The name, for calls that take a descriptor and a name. */
  readonly rawName: string | Buffer
  #fdAnchor: Anchor | undefined

  constructor(
    readonly parent: Anchor,
    readonly name: string,
    /** Relative to the root of the Dir, for messages. */
    readonly shown: string,
  ) {
    this.path = parent.at(name)
    this.rawName = hostName(name)
  }

  /** Descriptor of the parent, for calls that take one. */
  dirfd(): number {
    if (this.parent.fd !== undefined) return this.parent.fd
    this.#fdAnchor ??= this.parent.reopen()
    return this.#fdAnchor.fd!
  }

  [Symbol.dispose](): void {
    this.parent[Symbol.dispose]()
    this.#fdAnchor?.[Symbol.dispose]()
  }
}

/** Find the place of a path. `''` is the root itself, as its own entry `.`. */
export function placeOf(root: NodeRoot, path: string): Place {
  const clean = normalizePath(path)
  const parent = parentPath(clean)
  const trusted = Anchor.trusted(root.hostPath)
  if (parent === '') return new Place(trusted, clean === '' ? '.' : clean, clean)
  return new Place(trusted.descend(parent, clean, root.native), baseName(clean), clean)
}

/** As `placeOf`, for what the root of a directory must not be. */
export function placeBelow(root: NodeRoot, path: string): Place {
  if (normalizePath(path) === '') {
    throw treeError('TREE_INVALID_PATH', path, { problem: 'is the root itself' })
  }
  return placeOf(root, path)
}

/** Open a directory for reading its entries. */
export function openDirectory(root: NodeRoot, path: string): Anchor {
  using place = placeOf(root, path)
  try {
    return place.parent.openDirectory(place.name)
  } catch (error) {
    if (place.parent.lstat(place.name)?.isSymbolicLink()) throw treeError('TREE_ESCAPE', place.shown)
    throw fromErrno(error, place.shown)
  }
}
