import { createTarParser } from '@bootc-sdk/core/tar'
import type { TarEntry, TarHandler } from '@bootc-sdk/core/tar'
import { objectPath } from '../format/types.js'
import type { ObjectId } from '../format/types.js'
import type { Inode } from './inode.js'
import { badLayer, defaultMaxEntries, maxInlineBytes } from './limits.js'
import type { TreeLimits } from './limits.js'

/** Takes the content of a file that gets an object: a verity hasher, or something that stores it too. */
export interface FileSink {
  update(chunk: Uint8Array): void
  digest(): ObjectId
}

export type NewFileSink = (sizeBytes: number) => FileSink

/** Takes one layer, in order. All throw BootcError `STORE_COMPOSEFS_BAD_LAYER` and `IMAGE_TAR_*`. */
export interface LayerReader {
  /** Bytes of the archive; the content of a file that `object` is called for is left out. */
  push(bytes: Uint8Array): void
  /** This object holds the content of the file whose header was pushed last. @returns the file's bytes */
  object(id: ObjectId): number
  /** No more bytes come. */
  end(): void
}

/**
 * @param add puts a member into the tree; returns the inode of a new file
 * @param newSink where content comes in the archive; without one, only files of up to 64 bytes may have it there
 */
export function readLayer(
  diffId: string,
  add: (entry: TarEntry) => Inode | undefined,
  limits: TreeLimits,
  newSink: NewFileSink | undefined,
): LayerReader {
  const members = new MemberReader(diffId, add, newSink)
  const parser = createTarParser(members, {
    ...limits.tar,
    // Extended headers count too, and there is at most one a member.
    maxEntries: 2 * (limits.maxEntries ?? defaultMaxEntries),
  })
  return {
    push: (bytes) => parser.push(bytes),
    object: (id) => {
      members.setObject(id)
      return parser.skipData()
    },
    end: () => parser.end(),
  }
}

/** Fills files with their content. */
class MemberReader implements TarHandler {
  readonly #diffId: string
  readonly #add: (entry: TarEntry) => Inode | undefined
  readonly #newSink: NewFileSink | undefined
  #entry: TarEntry | undefined
  #inode: Inode | undefined
  /** Content that stays in the image, and how much of it is there. */
  #inline: Uint8Array | undefined
  #filled = 0
  #sink: FileSink | undefined

  constructor(diffId: string, add: (entry: TarEntry) => Inode | undefined, newSink: NewFileSink | undefined) {
    this.#diffId = diffId
    this.#add = add
    this.#newSink = newSink
  }

  entry(entry: TarEntry): void {
    this.#entry = entry
    // Global records would change what follows; the reference reader passes them over as well.
    this.#inode = entry.type === 'paxGlobal' ? undefined : this.#add(entry)
    this.#inline = this.#sink = undefined
    if (entry.sizeBytes === 0 || this.#inode?.size !== entry.sizeBytes) return
    if (entry.sizeBytes <= maxInlineBytes) {
      this.#inline = this.#inode.content = new Uint8Array(entry.sizeBytes)
      this.#filled = 0
    }
  }

  data(chunk: Uint8Array): void {
    if (this.#inline !== undefined) {
      this.#inline.set(chunk, this.#filled)
      this.#filled += chunk.length
    } else if (this.#inode !== undefined) {
      if (this.#newSink === undefined) throw this.#wrong('has its content in the stream, not in an object')
      this.#sink ??= this.#newSink(this.#entry!.sizeBytes)
      this.#sink.update(chunk)
    }
  }

  end(): void {
    if (this.#sink !== undefined) setObject(this.#inode!, this.#sink.digest())
    this.#entry = this.#inode = this.#inline = this.#sink = undefined
  }

  setObject(id: ObjectId): void {
    const { sizeBytes = 0 } = this.#entry ?? {}
    if (sizeBytes <= maxInlineBytes) throw this.#wrong('has its content in an object, where none belongs')
    if (this.#inode !== undefined) setObject(this.#inode, id)
  }

  #wrong(reason: string): Error {
    return badLayer(this.#diffId, this.#entry?.name ?? '', reason)
  }
}

function setObject(inode: Inode, id: ObjectId): void {
  inode.digest = id
  inode.payload = objectPath(id)
}
