import type { TarEntry } from '@bootc-sdk/core/tar'
import { directory, isDirectory } from './inode.js'
import type { ByteString, FileTree, Inode } from './inode.js'
import { readLayer } from './layer-reader.js'
import type { LayerReader, NewFileSink } from './layer-reader.js'
import { badLayer, defaultMaxEntries, defaultMaxTextBytes, maxNameBytes } from './limits.js'
import type { TreeLimits } from './limits.js'
import { copyAttributes, countLinks } from './links.js'
import { fromBytes } from './names.js'
import { asBytes, inodeOfMember } from './tar-inode.js'

/**
 * Lays layers over each other: whiteouts, opaque directories, hard links into what is there so far.
 *
 * A directory over a directory changes attributes only; anything else replaces. A parent that is missing is
 * an error, and so is one that is not a directory (no link is ever followed).
 *
 * @see composefs-rs 0.7.0 crates/composefs-oci/src/image.rs
 */
export class LayerApplier {
  readonly #root = directory()
  readonly #limits: TreeLimits
  #entries = 0
  #textBytes = 0
  /** The directory that was asked for last, and the text it was asked by. */
  #lastPath: ByteString | undefined
  #lastDirectory: Inode = this.#root

  constructor(limits: TreeLimits = {}) {
    this.#limits = limits
  }

  /**
   * Start the next layer.
   *
   * @param diffId for errors
   * @param sink where content comes in the archive; without one, only files of up to 64 bytes may have it there
   */
  layer(diffId: string, sink?: NewFileSink): LayerReader {
    return readLayer(diffId, (entry) => this.#add(diffId, entry), this.#limits, sink)
  }

  /** The tree so far, links counted. The applier keeps it: use one or the other from here. */
  finish(): FileTree {
    countLinks(this.#root)
    return { root: this.#root }
  }

  /** @returns the inode of a new file; undefined when the member is none */
  #add(diffId: string, entry: TarEntry): Inode | undefined {
    const limit = this.#limits.maxEntries ?? defaultMaxEntries
    if (++this.#entries > limit) throw badLayer(diffId, entry.name, `is more than ${limit} entries`)
    const { directory: parent, name } = this.#locate(diffId, entry.name)
    if (name === '') {
      const made = this.#make(diffId, entry)
      if (!isDirectory(made)) throw badLayer(diffId, entry.name, 'is the root and not a directory')
      copyAttributes(made, this.#root)
      return undefined
    }
    const children = parent.children!
    if (name.startsWith('.wh.')) {
      if (name === '.wh..wh..opq') children.clear()
      else children.delete(name.slice(4))
      this.#lastPath = undefined
      return undefined
    }
    if (name.length > maxNameBytes) throw badLayer(diffId, entry.name, 'has a name that is too long')
    this.#countText(diffId, entry, name.length)
    if (entry.typeFlag === 0x31) {
      children.set(name, this.#linkTarget(diffId, entry))
      this.#lastPath = undefined
      return undefined
    }
    const inode = this.#make(diffId, entry)
    const old = children.get(name)
    if (old !== undefined && isDirectory(old)) {
      if (isDirectory(inode)) {
        copyAttributes(inode, old)
        return undefined
      }
      this.#lastPath = undefined
    }
    children.set(name, inode)
    return inode
  }

  #make(diffId: string, entry: TarEntry): Inode {
    const made = inodeOfMember(entry)
    if (typeof made === 'string') throw badLayer(diffId, entry.name, made)
    let bytes = made.target.length
    for (const [name, value] of made.xattrs ?? []) bytes += name.length + value.length
    this.#countText(diffId, entry, bytes)
    return made
  }

  /** Archives that compress well can hold far more of it than there is memory. */
  #countText(diffId: string, entry: TarEntry, bytes: number): void {
    const limit = this.#limits.maxTextBytes ?? defaultMaxTextBytes
    this.#textBytes += bytes
    if (this.#textBytes <= limit) return
    throw badLayer(diffId, entry.name, `makes more than ${limit} bytes of names, targets and attributes`)
  }

  #linkTarget(diffId: string, entry: TarEntry): Inode {
    const wrong = (reason: string): Error =>
      badLayer(diffId, entry.name, `is a hard link to ${JSON.stringify(entry.linkName)}, ${reason}`)
    const { directory: parent, name } = this.#locate(diffId, entry.linkName)
    const target = name === '' ? parent : parent.children!.get(name)
    if (target === undefined) throw wrong('which is not there')
    if (isDirectory(target)) throw wrong('which is a directory')
    return target
  }

  /** @returns name `''` for the root */
  #locate(diffId: string, path: string): { directory: Inode; name: ByteString } {
    let bytes = asBytes(path)
    let end = bytes.length
    while (end > 0 && bytes.charCodeAt(end - 1) === 0x2f) end--
    if (end < bytes.length) bytes = bytes.slice(0, end)
    const slash = bytes.lastIndexOf('/')
    const name = bytes.slice(slash + 1)
    if (name === '' || name === '.' || name === '..') {
      const parts = bytes.split('/').filter((part) => part !== '' && part !== '.')
      if (parts.length === 0) return { directory: this.#root, name: '' }
      const last = parts.pop()!
      if (last === '..') throw badLayer(diffId, path, 'leads out through ".."')
      return { directory: this.#directory(diffId, path, parts.join('/')), name: last }
    }
    return { directory: this.#directory(diffId, path, slash <= 0 ? '' : bytes.slice(0, slash)), name }
  }

  #directory(diffId: string, path: string, parent: ByteString): Inode {
    if (parent === this.#lastPath) return this.#lastDirectory
    let found: Inode = this.#root
    for (const part of parent.split('/')) {
      if (part === '' || part === '.') continue
      if (part === '..') throw badLayer(diffId, path, 'leads out through ".."')
      const next = found.children!.get(part)
      if (next === undefined)
        throw badLayer(diffId, path, `is in ${JSON.stringify(fromBytes(part))}, which is not there`)
      if (!isDirectory(next))
        throw badLayer(diffId, path, `is in ${JSON.stringify(fromBytes(part))}, which is not a directory`)
      found = next
    }
    this.#lastPath = parent
    this.#lastDirectory = found
    return found
  }
}
