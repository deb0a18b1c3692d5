import type { OnReadOpts, Socket } from 'node:net'

const BUFFER_BYTES = 256 * 1024
/** A read gets at least so much room. */
const LEAST_BYTES = 64 * 1024
/** Of this client, waiting to be used again. */
const MAX_FREE = 8

interface ReadBuffer {
  readonly bytes: Uint8Array
  /** Handed on, and given back. */
  filled: number
  released: number
  /** No socket reads into it any more. */
  sealed: boolean
}

/**
 * Memory that sockets read into. Node takes 64 KiB from outside its heap for each read; the collections that this
 * memory forces cost more than all else in a fast transfer. Here reads are large, and buffers whose bytes were all
 * given back are used again. Others are garbage in time, as ever.
 */
export class ReadBuffers {
  readonly #known = new WeakMap<ArrayBufferLike, ReadBuffer>()
  #free: ReadBuffer[] = []
  /** Of the socket that was just served: Node asks for its next buffer in the same breath. */
  #current: ReadBuffer | undefined

  /** For `connect` of net and tls. */
  readonly onread: OnReadOpts = (() => {
    const take = (bytesRead: number, buffer: Uint8Array): Uint8Array | undefined =>
      this.#take(bytesRead, buffer)
    return {
      buffer: () => this.#room(),
      /** @returns whether the socket shall go on reading */
      callback(this: Socket, bytesRead: number, buffer: Uint8Array): boolean {
        const chunk = take(bytesRead, buffer)
        return chunk === undefined || this.push(chunk)
      },
    }
  })()

  /** Nobody will look at this chunk again. Once for each; what was not read here is ignored. */
  release(chunk: Uint8Array): void {
    const buffer = this.#known.get(chunk.buffer)
    if (buffer === undefined) return
    buffer.released += chunk.length
    this.#recycle(buffer)
  }

  #take(bytesRead: number, { buffer, byteOffset }: Uint8Array): Uint8Array | undefined {
    const current = this.#known.get(buffer)
    this.#current = current
    if (current === undefined) return undefined
    current.filled = byteOffset + bytesRead
    return Buffer.from(buffer as ArrayBuffer, byteOffset, bytesRead)
  }

  #room(): Uint8Array {
    let buffer = this.#current
    this.#current = undefined
    if (buffer !== undefined && BUFFER_BYTES - buffer.filled < LEAST_BYTES) {
      buffer.sealed = true
      this.#recycle(buffer)
      buffer = undefined
    }
    buffer ??= this.#free.pop() ?? this.#make()
    return buffer.bytes.subarray(buffer.filled)
  }

  #make(): ReadBuffer {
    const bytes = Buffer.allocUnsafeSlow(BUFFER_BYTES)
    const buffer = { bytes, filled: 0, released: 0, sealed: false }
    this.#known.set(bytes.buffer, buffer)
    return buffer
  }

  #recycle(buffer: ReadBuffer): void {
    if (!buffer.sealed || buffer.released !== buffer.filled || this.#free.length >= MAX_FREE) return
    Object.assign(buffer, { filled: 0, released: 0, sealed: false })
    this.#free.push(buffer)
  }
}
