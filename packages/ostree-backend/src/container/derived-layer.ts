import type { Xattr } from '@bootc-sdk/core'
import { tarMode, tarXattrs, type TarEntry, type TarHandler } from '@bootc-sdk/core/tar'
import type { Labeler } from '@bootc-sdk/core/selinux'
import { isUtf8Name } from '@bootc-sdk/core/names'
import type { ContentWriter, FileHeader } from '../repo/api.js'
import { tarPath, tarUnsupported } from './errors.js'
import { labelsOf, labelOf, withLabel } from './labels.js'
import { LayerFilter } from './layer-filter.js'
import { LayerTreeBuilder } from './layer-tree.js'
import { canonicalMeta, noXattrs, type ObjectPool } from './object-pool.js'
import { normalizeSymlinkTarget } from './symlink-target.js'
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
const nothing = new Uint8Array(0)
/** PATH_MAX without its NUL. */
const maxTargetBytes = 4095

/**
 * Copies of repository objects wait in memory for the path that decides their label, up to this many bytes a
 * layer. What is beyond gets its label with the merge.
 */
const maxAsideBytes = 32 * 1024 * 1024

/** A content object that is being received. */
interface Receiver {
  readonly header: FileHeader
  readonly sizeBytes: number
  readonly accept: (id: number) => void
}

/** A copy of a repository object: written already, or in memory. */
interface Aside {
  readonly header: FileHeader
  readonly sizeBytes: number
  id?: number
  readonly chunks: Uint8Array[]
}

/** Takes the entries of an ordinary layer, writes contents at once and keeps the tree for the end. */
export class DerivedLayerReader implements TarHandler {
  readonly #options: DerivedLayerOptions
  readonly #filter: LayerFilter
  readonly #tree: LayerTreeBuilder
  readonly #aside = new Map<string, Aside>()
  #asideBytes = 0
  /** Where data of the current entry goes. */
  #receiver: Receiver | undefined
  #collector: Aside | undefined
  #openId: number | undefined
  #left = 0

  constructor(options: DerivedLayerOptions) {
    this.#options = options
    this.#filter = new LayerFilter(options.allowNonUsr)
    const { pool, canonical } = options
    this.#tree = new LayerTreeBuilder((uid, gid, mode, xattrs) => {
      const meta = { uid, gid, mode, xattrs }
      return pool.dirMeta(canonical ? canonicalMeta(meta) : meta)
    }, labelsOf(options.labeler))
  }

  get entries(): number {
    return this.#tree.entries
  }

  /** Names of dropped paths with their numbers. */
  get dropped(): ReadonlyMap<string, number> {
    return this.#filter.dropped
  }

  entry(entry: TarEntry): void {
    this.#receiver = undefined
    this.#collector = undefined
    this.#openId = undefined
    this.#left = entry.sizeBytes
    const kind = entry.type === 'hardlink' ? 'hardlink' : entry.type === 'file' ? 'file' : 'other'
    const result = this.#filter.entry({
      name: entry.name,
      linkName: entry.linkName,
      kind,
      mtime: entry.headerMtime,
    })
    switch (result.action) {
      case 'drop':
        return
      case 'setAside':
        this.setAside(entry, result.key)
        return
      case 'takeAside':
        this.takeAside(entry, result.parts, result.key)
        return
      case 'link':
        this.#tree.hardlink(result.parts, entry.uid, entry.gid, result.target, entry.name)
        return
      case 'keep':
        this.keep(entry, result.parts)
    }
  }

  data(chunk: Uint8Array): void {
    const whole = chunk.length === this.#left && this.#openId === undefined
    this.#left -= chunk.length
    this.#collector?.chunks.push(Buffer.from(chunk))
    const receiver = this.#receiver
    if (receiver === undefined) return
    const { content } = this.#options
    if (whole) {
      receiver.accept(content.put(receiver.header, chunk))
      return
    }
    if (this.#openId === undefined) {
      this.#openId = content.begin(receiver.header, receiver.sizeBytes)
      receiver.accept(this.#openId)
    }
    content.data(this.#openId, chunk)
  }

  end(): void {
    if (this.#openId !== undefined) this.#options.content.end(this.#openId)
  }

  finish(checksums: readonly string[]): TreeNode {
    return this.#tree.finish(checksums)
  }

  private keep(entry: TarEntry, parts: readonly string[]): void {
    const { uid, gid, name } = entry
    const path = `/${parts.join('/')}`
    switch (entry.type) {
      case 'directory': {
        const mode = typeDirectory | this.permissions(entry)
        this.#tree.directory(parts, uid, gid, mode, this.attributes(entry, path, mode), name)
        return
      }
      case 'file': {
        const mode = typeFile | this.permissions(entry)
        const header = this.header({ uid, gid, mode, xattrs: this.attributes(entry, path, mode) })
        this.receive(header, entry.sizeBytes, (id) => this.#tree.file(parts, uid, gid, id, name))
        return
      }
      case 'symlink': {
        // An ACL cannot be on a symbolic link; odd bits of the header are part of the checksum.
        const mode = typeSymlink | entry.mode
        const xattrs = this.attributes(entry, path, mode)
        const header = this.header({ uid, gid, mode, xattrs, symlinkTarget: symlinkTarget(entry) })
        this.#tree.file(parts, uid, gid, this.#options.content.put(header, nothing), name)
        return
      }
      default:
        throw tarUnsupported(name, `file type ${entry.type} cannot be stored`)
    }
  }

  private setAside(entry: TarEntry, key: string): void {
    const { uid, gid, sizeBytes } = entry
    const header = this.header({ uid, gid, mode: typeFile | entry.mode, xattrs: noXattrs })
    const aside: Aside = { header, sizeBytes, chunks: [] }
    this.#aside.set(key, aside)
    if (this.#options.labeler === undefined || this.#asideBytes + sizeBytes > maxAsideBytes) {
      this.receive(header, sizeBytes, (id) => (aside.id = id))
    } else {
      this.#asideBytes += sizeBytes
      this.#collector = aside
    }
  }

  private takeAside(entry: TarEntry, parts: readonly string[], key: string): void {
    const { content, labeler } = this.#options
    const { header, chunks, sizeBytes, id: written } = this.#aside.get(key)!
    this.#aside.delete(key)
    let id = written
    if (id === undefined) {
      const context = labeler && labelOf(labeler, `/${parts.join('/')}`, header.mode)
      id = content.begin(this.header({ ...header, xattrs: withLabel(noXattrs, context) }), sizeBytes)
      for (const chunk of chunks) content.data(id, chunk)
      content.end(id)
      this.#asideBytes -= sizeBytes
    }
    this.#tree.file(parts, header.uid, header.gid, id, entry.name)
  }

  private receive(header: FileHeader, sizeBytes: number, accept: (id: number) => void): void {
    if (sizeBytes === 0) accept(this.#options.content.put(header, nothing))
    else this.#receiver = { header, sizeBytes, accept }
  }

  private permissions(entry: TarEntry): number {
    return tarMode(entry) & 0o7777
  }

  private attributes(entry: TarEntry, path: string, mode: number): readonly Xattr[] {
    const xattrs = tarXattrs(entry)
    const { labeler } = this.#options
    return labeler === undefined ? xattrs : withLabel(xattrs, labelOf(labeler, path, mode))
  }

  private header(header: FileHeader): FileHeader {
    return this.#options.canonical ? { ...header, ...canonicalMeta(header) } : header
  }
}

function symlinkTarget(entry: TarEntry): string {
  const { name, linkName } = entry
  if (linkName === '') throw tarPath(name, 'symbolic link without a target')
  if (!isUtf8Name(linkName)) throw tarPath(name, 'target of the symbolic link is not UTF-8')
  if (Buffer.byteLength(linkName) > maxTargetBytes) {
    throw tarPath(name, `target of the symbolic link is longer than ${maxTargetBytes} bytes`)
  }
  return normalizeSymlinkTarget(linkName)
}
