import type { Xattr } from '@bootc-sdk/core'
import { isUtf8Name } from '@bootc-sdk/core/names'
import type { TarEntry, TarHandler } from '@bootc-sdk/core/tar'
import { sha256Hex } from '../format/checksum.js'
import { decodeXattrs } from '../format/xattrs.js'
import type { ContentWriter, MetadataType } from '../repo/api.js'
import { ContentReceiver } from './content-receiver.js'
import { ostreeLayer } from './errors.js'
import { parseObjectPath, parseXattrsTarget, type ObjectPath } from './object-path.js'

/** Limits of the reference importer, in bytes. */
const maxXattrBytes = 1 << 20
const maxMetadataBytes = 10 << 20
/** All attribute sets of a layer together. */
const maxXattrSetsBytes = 64 << 20

export interface MetadataObject {
  readonly type: MetadataType
  readonly bytes: Uint8Array
  /** What its name says. */
  readonly checksum: string
  readonly entry: string
}

/**
 * Takes the entries of a layer made from an OSTree commit: a `commit` layer (commit first, then metadata and
 * content) or a `component` layer (content only). Contents go to the writer, metadata objects wait in `pending`
 * for whoever drives the parser.
 */
export class OstreeLayerReader implements TarHandler {
  readonly #receiver: ContentReceiver
  readonly #kind: 'commit' | 'component'
  /** Checksums by id of the content writer. */
  readonly expected: string[] = []
  readonly #entryOf: string[] = []
  readonly #seen = new Set<string>()
  readonly #xattrSets = new Map<string, readonly Xattr[]>()
  #xattrSetsBytes = 0
  #announced: { readonly checksum: string; readonly xattrs: readonly Xattr[] } | undefined
  #collect:
    { readonly buffer: Uint8Array; used: number; readonly done: (bytes: Uint8Array) => void } | undefined
  #objects = 0

  pending: MetadataObject[] = []
  commit: string | undefined
  detached: Uint8Array | undefined

  constructor(content: ContentWriter, kind: 'commit' | 'component') {
    this.#receiver = new ContentReceiver(content)
    this.#kind = kind
  }

  get entries(): number {
    return this.#objects
  }

  entry(entry: TarEntry): void {
    this.#collect = undefined
    this.#receiver.skip()
    if (entry.type === 'directory') return
    const object = parseObjectPath(entry.name)
    if (object === undefined) return
    this.#objects++
    if (this.#kind === 'commit' && this.commit === undefined) {
      if (object.kind !== 'commit') throw ostreeLayer(entry.name, 'layer does not start with its commit')
      this.commit = object.checksum
      this.collect(entry, maxMetadataBytes, (bytes) => this.metadata('commit', object, entry, bytes))
      return
    }
    this.object(entry, object)
  }

  data(chunk: Uint8Array): void {
    if (this.#collect !== undefined) {
      this.#collect.buffer.set(chunk, this.#collect.used)
      this.#collect.used += chunk.length
      return
    }
    this.#receiver.data(chunk)
  }

  end(): void {
    this.#collect?.done(this.#collect.buffer)
    this.#receiver.end()
  }

  /**
   * Compare the checksums of what was written with what the names promised.
   *
   * @throws BootcError `IMAGE_OSTREE_LAYER`
   */
  verify(checksums: readonly string[]): void {
    this.expected.forEach((checksum, id) => {
      if (checksums[id] !== checksum) {
        throw ostreeLayer(this.#entryOf[id]!, `content has checksum ${checksums[id]}`)
      }
    })
  }

  private object(entry: TarEntry, object: ObjectPath): void {
    const { name } = entry
    switch (object.kind) {
      case 'commit':
        throw ostreeLayer(name, this.#kind === 'commit' ? 'second commit' : 'commit in a component layer')
      case 'commitmeta':
        if (this.#objects !== 2 || object.checksum !== this.commit) {
          throw ostreeLayer(name, 'detached metadata must follow its commit')
        }
        this.collect(entry, maxMetadataBytes, (bytes) => (this.detached = bytes))
        return
      case 'dirtree':
      case 'dirmeta': {
        const { kind } = object
        if (this.#kind === 'component') throw ostreeLayer(name, 'metadata in a component layer')
        this.collect(entry, maxMetadataBytes, (bytes) => this.metadata(kind, object, entry, bytes))
        return
      }
      case 'xattrs':
        this.collect(entry, maxXattrBytes, (bytes) => this.xattrSet(entry, object.checksum, bytes))
        return
      case 'xattrsLink':
        if (this.#announced !== undefined) throw ostreeLayer(name, 'attributes announced twice')
        if (entry.type === 'hardlink') {
          this.announce(entry, object.checksum, this.knownSet(entry))
        } else {
          this.collect(entry, maxXattrBytes, (bytes) =>
            this.announce(entry, object.checksum, decodeXattrs(bytes, name)),
          )
        }
        return
      case 'file':
        this.file(entry, object.checksum)
    }
  }

  private file(entry: TarEntry, checksum: string): void {
    const { name, uid, gid } = entry
    const announced = this.#announced
    this.#announced = undefined
    if (announced === undefined) throw ostreeLayer(name, 'no attributes announced for it')
    if (announced.checksum !== checksum) throw ostreeLayer(name, 'attributes announced for another object')
    if (this.#seen.has(checksum)) {
      if (this.#kind === 'component') throw ostreeLayer(name, 'object occurs twice')
      return
    }
    this.#seen.add(checksum)
    this.expected.push(checksum)
    this.#entryOf.push(name)
    if (entry.type === 'symlink') {
      if (!isUtf8Name(entry.linkName)) throw ostreeLayer(name, 'target is not UTF-8')
      const target = { symlinkTarget: entry.linkName }
      this.#receiver.start({ uid, gid, mode: 0o120777, xattrs: announced.xattrs, ...target }, 0)
    } else if (entry.type === 'file') {
      const header = { uid, gid, mode: 0o100000 | entry.mode, xattrs: announced.xattrs }
      this.#receiver.start(header, entry.sizeBytes)
    } else {
      throw ostreeLayer(name, `content object of type ${entry.type}`)
    }
  }

  private knownSet(entry: TarEntry): readonly Xattr[] {
    const set = this.#xattrSets.get(parseXattrsTarget(entry.name, entry.linkName))
    if (set === undefined) throw ostreeLayer(entry.name, 'links to attributes that did not come before it')
    return set
  }

  private announce(entry: TarEntry, checksum: string, xattrs: readonly Xattr[]): void {
    if (this.#announced !== undefined) throw ostreeLayer(entry.name, 'attributes announced twice')
    this.#announced = { checksum, xattrs }
  }

  private xattrSet(entry: TarEntry, checksum: string, bytes: Uint8Array): void {
    if (sha256Hex(bytes) !== checksum) {
      throw ostreeLayer(entry.name, 'attributes do not have this checksum')
    }
    this.#xattrSetsBytes += bytes.length
    if (this.#xattrSetsBytes > maxXattrSetsBytes) throw ostreeLayer(entry.name, 'too many attribute sets')
    this.#xattrSets.set(checksum, decodeXattrs(bytes, entry.name))
  }

  private metadata(type: MetadataType, object: ObjectPath, entry: TarEntry, bytes: Uint8Array): void {
    this.pending.push({ type, bytes, checksum: object.checksum, entry: entry.name })
  }

  private collect(entry: TarEntry, maxBytes: number, done: (bytes: Uint8Array) => void): void {
    if (entry.type !== 'file') throw ostreeLayer(entry.name, `is of type ${entry.type}`)
    if (entry.sizeBytes > maxBytes) throw ostreeLayer(entry.name, `${entry.sizeBytes} bytes are too many`)
    this.#collect = { buffer: Buffer.allocUnsafeSlow(entry.sizeBytes), used: 0, done }
  }
}
