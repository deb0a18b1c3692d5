import type { TarEntry } from '@bootc-sdk/core/tar'
import type { ContentWriter, FileHeader } from '../repo/api.js'
import type { ContentReceiver } from './content-receiver.js'

/** Bytes of one layer that may wait in memory. What is beyond gets its label with the merge. */
const maxWaitingBytes = 32 * 1024 * 1024

interface Waiting {
  readonly uid: number
  readonly gid: number
  readonly mode: number
  readonly sizeBytes: number
  /** Written already. */
  id?: number
  readonly chunks: Uint8Array[]
}

/**
 * Changed copies of repository objects, which have no path before a hard link gives them one. With a policy the
 * path decides their label, so they wait in memory; without one they are written at once.
 */
export class SetAside {
  readonly #content: ContentWriter
  readonly #receiver: ContentReceiver
  /** The object's header at a path. */
  readonly #header: (path: string | undefined, uid: number, gid: number, mode: number) => FileHeader
  readonly #wait: boolean
  readonly #waiting = new Map<string, Waiting>()
  #waitingBytes = 0
  #collecting: Waiting | undefined

  constructor(
    content: ContentWriter,
    receiver: ContentReceiver,
    header: (path: string | undefined, uid: number, gid: number, mode: number) => FileHeader,
    wait: boolean,
  ) {
    this.#content = content
    this.#receiver = receiver
    this.#header = header
    this.#wait = wait
  }

  start(entry: TarEntry, mode: number, key: string): void {
    const { uid, gid, sizeBytes } = entry
    const waiting: Waiting = { uid, gid, mode, sizeBytes, chunks: [] }
    this.#waiting.set(key, waiting)
    if (this.#wait && this.#waitingBytes + sizeBytes <= maxWaitingBytes) {
      this.#waitingBytes += sizeBytes
      this.#collecting = waiting
    } else {
      this.#receiver.start(this.#header(undefined, uid, gid, mode), sizeBytes, (id) => (waiting.id = id))
    }
  }

  data(chunk: Uint8Array): void {
    this.#collecting?.chunks.push(Buffer.from(chunk))
  }

  end(): void {
    this.#collecting = undefined
  }

  /** @returns id of the object and its owner, who counts for directories that are made on the way */
  take(key: string, path: string): { readonly id: number; readonly uid: number; readonly gid: number } {
    const { uid, gid, mode, sizeBytes, chunks, id: written } = this.#waiting.get(key)!
    this.#waiting.delete(key)
    if (written !== undefined) return { id: written, uid, gid }
    const id = this.#content.begin(this.#header(path, uid, gid, mode), sizeBytes)
    for (const chunk of chunks) this.#content.data(id, chunk)
    this.#content.end(id)
    this.#waitingBytes -= sizeBytes
    return { id, uid, gid }
  }
}
