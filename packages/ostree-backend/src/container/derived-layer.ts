import type { Xattr } from '@bootc-sdk/core'
import { tarMode, tarXattrs, type TarEntry, type TarHandler } from '@bootc-sdk/core/tar'
import type { Labeler } from '@bootc-sdk/core/selinux'
import type { ContentWriter, FileHeader } from '../repo/api.js'
import { ContentReceiver } from './content-receiver.js'
import { tarUnsupported } from './errors.js'
import { labelsOf, withLabel } from './labels.js'
import { LayerFilter } from './layer-filter.js'
import { LayerTreeBuilder } from './layer-tree.js'
import { canonicalMeta, noXattrs, type ObjectPool } from './object-pool.js'
import { SetAside } from './set-aside.js'
import { symlinkTarget } from './symlink-target.js'
import type { TreeNode } from './tree-node.js'

export interface DerivedLayerOptions {
  readonly content: ContentWriter
  readonly pool: ObjectPool
  /** Keep what lies outside /usr, /etc and /var. */
  readonly allowNonUsr: boolean
  /** The policy of the base. */
  readonly labeler?: Labeler | undefined
  /** `bare-user-only`: no owners, no attributes, plain modes. */
  readonly canonical: boolean
}

const typeFile = 0o100000
const typeDirectory = 0o040000
const typeSymlink = 0o120000

/** Takes the entries of an ordinary layer, writes contents at once and keeps the tree for the end. */
export class DerivedLayerReader implements TarHandler {
  readonly #labeler: Labeler | undefined
  readonly #canonical: boolean
  readonly #filter: LayerFilter
  readonly #tree: LayerTreeBuilder
  readonly #receiver: ContentReceiver
  readonly #aside: SetAside

  constructor({ content, pool, allowNonUsr, labeler, canonical }: DerivedLayerOptions) {
    this.#labeler = labeler
    this.#canonical = canonical
    this.#filter = new LayerFilter(allowNonUsr)
    this.#tree = new LayerTreeBuilder((uid, gid, mode, xattrs) => {
      const meta = { uid, gid, mode, xattrs }
      return pool.dirMeta(canonical ? canonicalMeta(meta) : meta)
    }, labelsOf(labeler))
    this.#receiver = new ContentReceiver(content)
    this.#aside = new SetAside(
      content,
      this.#receiver,
      (path, uid, gid, mode) => {
        const xattrs = path === undefined ? noXattrs : this.labelled(noXattrs, path, mode)
        return this.header({ uid, gid, mode, xattrs })
      },
      labeler !== undefined,
    )
  }

  get entries(): number {
    return this.#tree.entries
  }

  /** Names of dropped paths with their numbers. */
  get dropped(): ReadonlyMap<string, number> {
    return this.#filter.dropped
  }

  entry(entry: TarEntry): void {
    this.#receiver.skip()
    const { name, linkName, uid, gid, headerMtime: mtime } = entry
    const kind = entry.type === 'hardlink' || entry.type === 'file' ? entry.type : 'other'
    const result = this.#filter.entry({ name, linkName, kind, mtime })
    switch (result.action) {
      case 'drop':
        return
      case 'setAside':
        // Records of the PAX header do not come along.
        this.#aside.start(entry, typeFile | entry.mode, result.key)
        return
      case 'takeAside': {
        const taken = this.#aside.take(result.key, `/${result.parts.join('/')}`)
        this.#tree.file(result.parts, taken.uid, taken.gid, taken.id, name)
        return
      }
      case 'link':
        this.#tree.hardlink(result.parts, uid, gid, result.target, name)
        return
      case 'keep':
        this.keep(entry, result.parts)
    }
  }

  data(chunk: Uint8Array): void {
    this.#receiver.data(chunk)
    this.#aside.data(chunk)
  }

  end(): void {
    this.#receiver.end()
    this.#aside.end()
  }

  finish(checksums: readonly string[]): TreeNode {
    return this.#tree.finish(checksums)
  }

  private keep(entry: TarEntry, parts: readonly string[]): void {
    const { uid, gid, name } = entry
    const path = `/${parts.join('/')}`
    const accept = (id: number): void => this.#tree.file(parts, uid, gid, id, name)
    switch (entry.type) {
      case 'directory': {
        const mode = typeDirectory | tarMode(entry)
        this.#tree.directory(parts, uid, gid, mode, this.labelled(tarXattrs(entry), path, mode), name)
        return
      }
      case 'file': {
        const mode = typeFile | tarMode(entry)
        const xattrs = this.labelled(tarXattrs(entry), path, mode)
        this.#receiver.start(this.header({ uid, gid, mode, xattrs }), entry.sizeBytes, accept)
        return
      }
      case 'symlink': {
        // Odd bits of the header are part of the checksum; an ACL cannot be on a symbolic link.
        const mode = typeSymlink | entry.mode
        const xattrs = this.labelled(tarXattrs(entry), path, mode)
        const target = symlinkTarget(name, entry.linkName)
        this.#receiver.start(this.header({ uid, gid, mode, xattrs, symlinkTarget: target }), 0, accept)
        return
      }
      default:
        throw tarUnsupported(name, `file type ${entry.type} cannot be stored`)
    }
  }

  private labelled(xattrs: readonly Xattr[], path: string, mode: number): readonly Xattr[] {
    return this.#labeler === undefined ? xattrs : withLabel(xattrs, this.#labeler.label(path, mode))
  }

  private header(header: FileHeader): FileHeader {
    return this.#canonical ? { ...header, ...canonicalMeta(header) } : header
  }
}
